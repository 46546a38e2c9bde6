import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ANONYMOUS, AtlsError, type Attester } from "@constellation/atls";
import { clusterIdPcr } from "@constellation/attestation";
import { fromHex } from "@constellation/bytes";
import { RpcError } from "@constellation/rpc";
import { createFakeTpmCa, fakeEventLog } from "@constellation/testkit/fake-tpm";
import { attesterOf, Joiner, type JoinerOptions } from "./testing/joining-node.ts";
import { RecordingProxy } from "./testing/recording-proxy.ts";
import { CLUSTER_ID, type Machine, TestCluster } from "./testing/test-cluster.ts";

let cluster: TestCluster;
before(async () => {
  cluster = await TestCluster.start();
});
after(() => cluster?.stop());

/** The connection is refused, the client is told the code, and the log tells code and peer. */
async function refuses(code: RegExp, machine: Machine, options: JoinerOptions = {}): Promise<void> {
  const before = (await cluster.audit("connection-refused")).length;
  await assert.rejects(Joiner.connect(cluster, machine, options), (error: unknown) => {
    assert.ok(error instanceof AtlsError);
    assert.deepEqual([error.code, error.peerCode], ["peer-refused", "evidence-refused"]);
    assert.match(/: (\w+)$/.exec(error.peerText ?? "")?.[1] ?? "", code);
    return true;
  });
  const line = (await cluster.auditBeyond("connection-refused", before)).at(-1);
  assert.match(String(line?.code), code);
  assert.equal(line?.remote, "127.0.0.1");
  for (const field of ["field", "got", "wanted"]) assert.equal(typeof line?.[field], "string", field);
}

test("a TPM of this cluster's CA that nobody recorded is refused", async () => {
  const tpm = await cluster.tpmCa.createTpm();
  await refuses(/^endorsement_not_allowed$/, { ...cluster.machine("worker-0"), tpm });
});

test("a TPM of another CA is refused, even one that claims a recorded identity", async () => {
  const { record } = cluster.machine("worker-0");
  const foreign = await createFakeTpmCa();
  const uris = (): string[] => [`urn:constellation:ek-sha256:${record.ekDigest}`];
  await refuses(/^ak_certificate_/, { record, tpm: await foreign.createTpm({ uris }) });
});

test("a node with another image is refused", async () => {
  const eventLog = fakeEventLog([{ pcr: 11, data: "an image with one byte changed" }]);
  await refuses(/^pcr_mismatch$/, cluster.machine("worker-0"), { evidence: { eventLog } });
});

test("a node that was initialised already is refused (PCR 15)", async () => {
  const pcrs = new Map([[15, fromHex(clusterIdPcr(CLUSTER_ID))]]);
  await refuses(/^pcr_mismatch$/, cluster.machine("worker-0"), { evidence: { pcrs } });
});

test("evidence that was made for another connection is refused", async () => {
  const machine = cluster.machine("worker-0");
  let seen: Uint8Array = new Uint8Array();
  const recording: Attester = {
    issue: async (reportData) => {
      seen = machine.tpm.evidence({ reportData });
      return seen;
    },
  };
  const first = await Joiner.connect(cluster, machine, { attester: recording });
  await first.close();
  await refuses(/^quote_qualifying_data$/, machine, { attester: { issue: () => Promise.resolve(seen) } });
});

test("a join request that is replayed byte by byte gets nothing", async () => {
  const proxy = await RecordingProxy.start(cluster.port);
  try {
    const joiner = await Joiner.connect(cluster, cluster.machine("worker-0"), { port: proxy.port });
    await joiner.join();
    await joiner.close();
    const before = (await cluster.audit("join")).length;
    const refusedBefore = (await cluster.audit("connection-refused")).length;
    const answer = await proxy.replay();
    await cluster.auditBeyond("connection-refused", refusedBefore);
    assert.equal((await cluster.audit("join")).length, before);
    // A server hello and the end: the recorded bytes belong to keys that this session does not have.
    assert.ok(answer.length < 4_096, `got ${answer.length} bytes`);
  } finally {
    await proxy.close();
  }
});

test("a client that attests nothing is refused", async () => {
  const attester = ANONYMOUS as unknown as Attester;
  await assert.rejects(
    Joiner.connect(cluster, cluster.machine("worker-0"), { attester }),
    (error: unknown) => error instanceof AtlsError && /mode-mismatch/.test(`${error.code} ${error.peerCode}`),
  );
});

test("a node whose record was removed after it connected is refused its ticket", async () => {
  const joiner = await Joiner.connect(cluster, cluster.machine("worker-1"));
  try {
    await cluster.setState(({ nodes }) => ({ nodes: nodes.filter(({ name }) => name !== "worker-1") }));
    for (const ask of [() => joiner.join(), () => joiner.rejoin()]) {
      await assert.rejects(
        ask(),
        (error: unknown) => error instanceof RpcError && error.remoteCode === "evidence_refused",
      );
    }
    const { code, check } = (await cluster.audit("join")).at(-1) ?? {};
    assert.deepEqual([code, check], ["evidence_refused", "endorsement_not_allowed"]);
  } finally {
    await joiner.close();
    await cluster.setState(() => ({}));
  }
});

test("a node whose role was changed on record gets the role on record only", async () => {
  const joiner = await Joiner.connect(cluster, cluster.machine("control-plane-1"));
  try {
    await cluster.setState(({ nodes }) => ({
      nodes: nodes.map((node) => (node.name === "control-plane-1" ? { ...node, role: "worker" } : node)),
    }));
    await assert.rejects(
      joiner.join(),
      (error: unknown) => error instanceof RpcError && error.remoteCode === "role_mismatch",
    );
  } finally {
    await joiner.close();
    await cluster.setState(() => ({}));
  }
});

test("the right node is accepted after all of that", async () => {
  const attester = attesterOf(cluster.machine("worker-0").tpm);
  const joiner = await Joiner.connect(cluster, cluster.machine("worker-0"), { attester });
  await joiner.rejoin();
  await joiner.close();
});
