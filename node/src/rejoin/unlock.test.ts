import assert from "node:assert/strict";
import { test } from "node:test";
import { DiskKey, EtcdSecretsKey } from "@constellation/keys";
import type { Dependencies, DiskOfNode, Platform } from "../machine/node.ts";
import type { RecoveredKey } from "./recovered-key.ts";
import { Unlock } from "./unlock.ts";

test("Unlock refuses the key that comes second, and overwrites all that came with it", async () => {
  const { unlock } = lockedDisk();
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

function lockedDisk(): { unlock: Unlock; opened: () => number } {
  let opened = 0;
  const disk = { open: async () => ({ generation: ++opened }) } as unknown as DiskOfNode;
  const dependencies = {
    console() {},
    etcdKeys: { hold: async () => {}, forget: async () => {} },
    mountState: () => Promise.reject(new Error("no further in this test")),
  } as unknown as Dependencies;
  const unlock = new Unlock({} as Platform, disk, dependencies, new AbortController().signal);
  unlock.member.catch(() => {});
  return { unlock, opened: () => opened };
}

const isOne = (clusterId: Uint8Array): boolean => clusterId[0] === 1;

test("Unlock opens no disk of another cluster than the one that was asked for secrets, whoever brings the key", async () => {
  const { unlock, opened } = lockedDisk();
  await unlock.bindTo("one", isOne);
  const foreign = keyOf(2);
  await assert.rejects(unlock.tryKey(foreign), { code: "cluster_mismatch", message: /from the test/ });
  assert.deepEqual(foreign.diskKey.reveal(), new Uint8Array(32));
  assert.equal(opened(), 0);
  await assert.rejects(unlock.tryKey(keyOf(1)), /no further/);
  await unlock.opened;
  assert.equal(opened(), 1);
});

test("Unlock lets nobody ask for secrets once the disk is open", async () => {
  const { unlock } = lockedDisk();
  await assert.rejects(unlock.tryKey(keyOf(2)), /no further/);
  await assert.rejects(unlock.bindTo("one", isOne), { code: "already_initialised" });
});

test("Unlock ends the agent where control planes of two clusters were asked, and goes on after an operator's key", async () => {
  const { unlock } = lockedDisk();
  await unlock.bindTo("one", isOne);
  await assert.rejects(unlock.tryKey({ ...keyOf(2), source: "operator" }), { code: "cluster_mismatch" });
  assert.equal(await Promise.race([unlock.member, Promise.resolve("waits")]), "waits");
  await assert.rejects(unlock.tryKey({ ...keyOf(2), source: "join service" }), { code: "cluster_mismatch" });
  await assert.rejects(unlock.member, { code: "cluster_mismatch" });
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
