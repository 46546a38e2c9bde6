import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type EtcdKey, EtcdSecretsKey } from "@constellation/keys";
import { NodeError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import { READ_BEFORE_WRITE_MS } from "./etcd-keyring.ts";
import { EtcdKeys } from "./etcd-keys.ts";
import { type EtcdKeySource, followGenerations } from "./follow-generations.ts";

const keyOf = (generation: number, fill = generation): EtcdKey => ({
  generation,
  key: new EtcdSecretsKey(new Uint8Array(32).fill(fill)),
});

describe("followGenerations()", () => {
  let directory: string;
  let keys: EtcdKeys;
  let nowMs: number;
  const lines: string[] = [];
  const log: Log = {
    debug() {},
    info: (message) => lines.push(message),
    warn: (message) => lines.push(message),
    error() {},
  };

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "constellation-follow-"));
    nowMs = 1_000;
    keys = new EtcdKeys(join(directory, "keys.json"), () => nowMs);
    await keys.hold([keyOf(1)]);
    lines.length = 0;
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** Lets the source answer once for each of these, and gives the waits between. */
  async function follow(...answers: (() => EtcdKey[])[]): Promise<number[]> {
    const stop = new AbortController();
    const waits: number[] = [];
    const source: EtcdKeySource = () => Promise.resolve().then(() => answers.shift()?.() ?? []);
    await followGenerations(
      source,
      keys,
      log,
      (ms) => {
        waits.push(ms);
        nowMs += ms;
        if (answers.length === 0) stop.abort();
        return Promise.resolve();
      },
      stop.signal,
    );
    return waits;
  }

  test("reads with a new generation at once, and writes with it when all control planes have asked", async () => {
    const both = (): EtcdKey[] => [keyOf(1), keyOf(2)];
    const waits = await follow(both);
    assert.equal(keys.ring.get(2)?.reveal()[0], 2);
    assert.equal(keys.ring.current?.generation, 1);
    assert.deepEqual(lines, ["generations of keys for secrets in etcd changed"]);
    // Nobody asks later than this after a change, and the kubelet brings it within two minutes.
    assert.ok((waits[0] ?? 0) + 2 * 60_000 < READ_BEFORE_WRITE_MS);
    await follow(both, both);
    assert.equal(keys.ring.current?.generation, 2);
  });

  test("forgets a generation that was dropped", async () => {
    await keys.hold([keyOf(1), keyOf(2)]);
    await follow(() => [keyOf(2)]);
    assert.equal(keys.ring.get(1), undefined);
  });

  test("keeps what it has while the source does not answer, says nothing, or gives another key", async () => {
    const away = (): never => {
      throw new NodeError("endpoint", "no answer");
    };
    await follow(
      away,
      () => [keyOf(1, 9)],
      () => [],
    );
    assert.deepEqual([keys.ring.get(1)?.reveal()[0], lines.length], [1, 3]);
  });

  test("asks soon when a generation newer than all it has is missed, and only then", async () => {
    const stop = new AbortController();
    const waits: number[] = [];
    const answers = [[keyOf(1)], [keyOf(1), keyOf(2)]];
    await keys.follow([keyOf(1)]);
    await followGenerations(
      () => Promise.resolve(answers.shift() ?? []),
      keys,
      log,
      async (ms, _, { signal }) => {
        waits.push(ms);
        if (answers.length === 0) return stop.abort();
        // The long wait ends with its signal only; the short one at once.
        if (ms < 10_000) return undefined;
        queueMicrotask(() => {
          keys.ring.get(1);
          assert.equal(waits.length, 1);
          keys.ring.get(2);
        });
        return await new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined)));
      },
      stop.signal,
    );
    assert.deepEqual(waits, [180_000, 5_000, 180_000]);
    assert.equal(keys.ring.get(2)?.reveal()[0], 2);
  });

  test("asks again soon while there is no key at all", async () => {
    await keys.forget();
    const waits = await follow(
      () => [],
      () => [keyOf(1)],
    );
    assert.deepEqual(waits, [5_000, 180_000]);
    assert.equal(keys.ring.current?.generation, 1);
  });
});
