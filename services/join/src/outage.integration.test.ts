import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AtlsError } from "@constellation/atls";
import { RpcError } from "@constellation/rpc";
import { Joiner } from "./testing/joining-node.ts";
import { TestCluster } from "./testing/test-cluster.ts";

let cluster: TestCluster;
before(async () => {
  cluster = await TestCluster.start();
});
after(() => cluster?.stop());

const coded = (status: string, code: string) => (error: unknown) => {
  assert.ok(error instanceof RpcError);
  assert.deepEqual([error.code, error.remoteCode], [status, code]);
  return true;
};

// One cluster that loses one part after the other; the order of the tests is the order of the losses.

test("a cluster state that does not parse admits nobody", async () => {
  const joiner = await Joiner.connect(cluster, cluster.machine("worker-0"));
  const patch = (value: string) => {
    return cluster.kube.patchConfigMap("kube-system", "constellation-cluster", { data: { "nodes.json": value } });
  };
  const { data } = await cluster.kube.getConfigMap("kube-system", "constellation-cluster");
  await patch('[{"name":"worker-0"}]');
  await assert.rejects(joiner.rejoin(), coded("failed-precondition", "cluster_state_invalid"));
  await assert.rejects(
    Joiner.connect(cluster, cluster.machine("worker-0")),
    (error: unknown) => error instanceof AtlsError && error.peerText?.endsWith(": cluster_state_invalid") === true,
  );
  await patch(data?.["nodes.json"] ?? "");
  await joiner.rejoin();
  await joiner.close();
});

test("without the key service a join is refused, to be tried again", async () => {
  assert.equal(await cluster.keyService.stop(), 0);
  const joiner = await Joiner.connect(cluster, cluster.machine("worker-0"));
  await assert.rejects(joiner.join(), coded("unavailable", "key_service_unavailable"));
  await joiner.close();
});

test("without the API server nobody is admitted, to be tried again", async () => {
  const joiner = await Joiner.connect(cluster, cluster.machine("worker-0"));
  await cluster.api.stopApiServer();
  await assert.rejects(joiner.join(), coded("unavailable", "cluster_state_unavailable"));
  await joiner.close();
  const before = (await cluster.audit("connection-refused")).length;
  await assert.rejects(
    Joiner.connect(cluster, cluster.machine("worker-0")),
    (error: unknown) => error instanceof AtlsError && error.peerText?.endsWith(": cluster_state_unavailable") === true,
  );
  const line = (await cluster.auditBeyond("connection-refused", before)).at(-1);
  assert.match(String(line?.reason), /ECONNREFUSED/);
});

test("the join service ends cleanly on SIGTERM", async () => {
  assert.equal(await cluster.joinService.stop(), 0);
  assert.equal((await cluster.audit("stopped")).length, 1);
});
