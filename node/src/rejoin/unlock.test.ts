import assert from "node:assert/strict";
import { test } from "node:test";
import { DiskKey, EtcdSecretsKey } from "@constellation/keys";
import type { Dependencies, DiskOfNode, Platform } from "../machine/node.ts";
import type { RecoveredKey } from "./recovered-key.ts";
import { Unlock } from "./unlock.ts";

test("Unlock refuses the key that comes second, and overwrites all that came with it", async () => {
  const disk = { open: async () => ({ generation: 1 }) } as unknown as DiskOfNode;
  const dependencies = {
    console() {},
    etcdKeys: { hold: async () => {}, forget: async () => {} },
    mountState: () => Promise.reject(new Error("no further in this test")),
  } as unknown as Dependencies;
  const unlock = new Unlock({} as Platform, disk, dependencies, new AbortController().signal);
  unlock.member.catch(() => {});
  await assert.rejects(unlock.tryKey(keyOf(1)), /no further/);
  const second = keyOf(2);
  await assert.rejects(unlock.tryKey(second), { code: "already_initialised" });
  const zeros = new Uint8Array(32);
  assert.deepEqual(second.diskKey.reveal(), zeros);
  assert.deepEqual(second.next?.key.reveal(), zeros);
  assert.deepEqual(
    second.etcdKeys.map(({ key }) => key.reveal()),
    [zeros],
  );
});

function keyOf(byte: number): RecoveredKey {
  const bytes = new Uint8Array(32).fill(byte);
  return {
    diskKey: new DiskKey(bytes),
    next: { key: new DiskKey(bytes), generation: 2 },
    etcdKeys: [{ generation: 1, key: new EtcdSecretsKey(bytes) }],
    clusterId: bytes,
    source: "test",
  };
}
