import assert from "node:assert/strict";
import { test } from "node:test";
import { RpcError } from "@constellation/rpc";
import { NodeError } from "../errors.ts";
import { AdmissionLock } from "../machine/lock.ts";
import { AskedCluster } from "./asked-cluster.ts";

const ONE = "11".repeat(32);
const OTHER = "22".repeat(32);

test("AskedCluster asks nobody where the node is being initialised", () => {
  const lock = new AdmissionLock();
  lock.tryAcquire("init");
  assert.equal(new AskedCluster(lock).mayAsk(ONE), false);
});

test("AskedCluster asks another cluster, and lets the node be initialised, after a no", () => {
  const lock = new AdmissionLock();
  const asked = new AskedCluster(lock);
  assert.equal(asked.mayAsk(ONE), true);
  assert.equal(lock.owner, "join");
  asked.failed(new RpcError("permission-denied", "no", { remoteCode: "not_recorded" }));
  assert.equal(lock.owner, undefined);
  assert.equal(asked.mayAsk(OTHER), true);
});

for (const [what, error] of [
  ["that broke off", new RpcError("unavailable", "the connection ended")],
  ["that is no ticket", new NodeError("ticket", "no ticket")],
] as const) {
  test(`AskedCluster stays with a cluster after an answer ${what}`, () => {
    const lock = new AdmissionLock();
    const asked = new AskedCluster(lock);
    asked.mayAsk(ONE);
    asked.failed(error);
    assert.equal(lock.tryAcquire("init"), false);
    assert.throws(() => asked.mayAsk(OTHER), { code: "ticket" });
    assert.equal(asked.mayAsk(ONE), true);
  });
}
