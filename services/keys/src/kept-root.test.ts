import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { MasterSecret } from "@constellation/keys";
import { KeptRoot } from "./kept-root.ts";
import type { WrappedRoot } from "./wrapped-root.ts";

const BYTES = new Uint8Array(32).fill(5);
const root = (version: string): WrappedRoot => ({ version }) as WrappedRoot;

let nowMs: number;
let opened: MasterSecret[];
let failure: Error | undefined;
let timers: { readonly ms: number; readonly run: () => void; cancelled: boolean }[];
let kept: KeptRoot;

beforeEach(() => {
  nowMs = 0;
  opened = [];
  failure = undefined;
  timers = [];
  const open = async (): Promise<MasterSecret> => {
    await Promise.resolve();
    if (failure !== undefined) throw failure;
    const master = new MasterSecret(BYTES);
    opened.push(master);
    return master;
  };
  kept = new KeptRoot(open, {
    keepMs: 1_000,
    pauseMs: 100,
    nowMs: () => nowMs,
    schedule: (ms, run) => {
      const timer = { ms, run, cancelled: false };
      timers.push(timer);
      return { cancel: () => (timer.cancelled = true) };
    },
  });
});

test("KeptRoot opens once for all who wait, and gives each a copy of its own", async () => {
  const masters = await Promise.all([1, 2, 3].map(() => kept.get(root("a"))));
  masters[0]?.wipe();
  assert.equal(opened.length, 1);
  assert.deepEqual(masters[1]?.reveal(), BYTES);
  assert.deepEqual((await kept.get(root("a"))).reveal(), BYTES);
});

test("KeptRoot overwrites the root after its time, and asks again", async () => {
  await kept.get(root("a"));
  assert.deepEqual(
    timers.map(({ ms }) => ms),
    [1_000],
  );
  timers[0]?.run();
  assert.deepEqual(opened[0]?.reveal(), new Uint8Array(32));
  assert.deepEqual((await kept.get(root("a"))).reveal(), BYTES);
  assert.equal(opened.length, 2);
});

test("KeptRoot opens anew what has changed, and overwrites what was before", async () => {
  await kept.get(root("a"));
  await kept.get(root("b"));
  assert.deepEqual(opened[0]?.reveal(), new Uint8Array(32));
  assert.equal(timers[0]?.cancelled, true);
});

test("KeptRoot leaves a KMS that failed alone for a while, and then asks it again", async () => {
  failure = new Error("away");
  await assert.rejects(kept.get(root("a")), /away/);
  failure = undefined;
  nowMs = 99;
  await assert.rejects(kept.get(root("a")), /away/);
  nowMs = 100;
  assert.deepEqual((await kept.get(root("a"))).reveal(), BYTES);
});

test("KeptRoot gives nobody a root that was overwritten, whatever comes between", async () => {
  const [first, second] = await Promise.all([kept.get(root("a")), kept.get(root("b"))]);
  assert.deepEqual(first.reveal(), BYTES);
  assert.deepEqual(second.reveal(), BYTES);
  kept.close();
  assert.ok(opened.every((master) => master.reveal().every((byte) => byte === 0)));
});
