import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { type EtcdKey, EtcdSecretsKey } from "@constellation/keys";
import { READ_BEFORE_WRITE_MS } from "./etcd-keyring.ts";
import { EtcdKeys } from "./etcd-keys.ts";

const keyOf = (generation: number): EtcdKey => ({
  generation,
  key: new EtcdSecretsKey(new Uint8Array(32).fill(generation)),
});

let directory: string;
let path: string;
let nowMs: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "constellation-etcd-keys-"));
  path = join(directory, "etcd-keys.json");
  nowMs = 1_000;
});
afterEach(() => rmSync(directory, { recursive: true }));

/** As an agent finds things that was started anew. */
const agent = (): EtcdKeys => new EtcdKeys(path, () => nowMs);

async function restarted(): Promise<EtcdKeys> {
  const keys = agent();
  await keys.load();
  return keys;
}

test("EtcdKeys come back to an agent that was started again", async () => {
  await agent().hold([keyOf(1), keyOf(2)]);
  const { ring } = await restarted();
  assert.deepEqual(
    ring.held.map(({ generation, key }) => [generation, key.reveal()[0]]),
    [
      [1, 1],
      [2, 2],
    ],
  );
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test("EtcdKeys keep the time that a generation is only read with, over a restart of the agent", async () => {
  const keys = agent();
  await keys.hold([keyOf(1)]);
  await keys.follow([keyOf(1), keyOf(2)]);
  nowMs += READ_BEFORE_WRITE_MS - 1;
  const { ring } = await restarted();
  assert.equal(ring.current?.generation, 1);
  nowMs += 1;
  assert.equal(ring.current?.generation, 2);
});

test("EtcdKeys are none where there was no earlier life in this boot", async () => {
  assert.deepEqual((await restarted()).ring.held, []);
});

test("EtcdKeys.load() changes nothing for an agent that has keys", async () => {
  const keys = agent();
  await keys.hold([keyOf(1)]);
  writeFileSync(path, "not read");
  await keys.load();
  assert.equal(keys.ring.current?.generation, 1);
});

test("EtcdKeys.forget() leaves neither file nor key", async () => {
  const keys = agent();
  const key = keyOf(1);
  await keys.hold([key]);
  await keys.forget();
  assert.deepEqual([existsSync(path), keys.ring.current, key.key.reveal()[0]], [false, undefined, 0]);
  await keys.forget();
});

test("EtcdKeys.follow() drops a generation from the file, too", async () => {
  const keys = agent();
  await keys.hold([keyOf(1), keyOf(2)]);
  await keys.follow([keyOf(2)]);
  assert.equal((await restarted()).ring.get(1), undefined);
});

for (const [what, text] of [
  ["is cut off", '{"version":1,"keys":[{"gen'],
  ["has another version", '{"version":2,"keys":[]}'],
  ["has a key of the wrong length", '{"version":1,"keys":[{"generation":1,"key":"c2VjcmV0","knownSinceMs":0}]}'],
  ["has no time", `{"version":1,"keys":[{"generation":1,"key":"${"A".repeat(43)}="}]}`],
] as const) {
  test(`EtcdKeys.load() refuses a file that ${what}, without a word of it`, async () => {
    writeFileSync(path, text);
    await assert.rejects(agent().load(), (error: Error & { code: string }) => {
      assert.equal(error.code, "state");
      assert.ok(!error.message.includes("c2Vj") && error.cause === undefined);
      return true;
    });
  });
}
