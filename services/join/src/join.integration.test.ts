import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, test } from "node:test";
import { hex } from "@constellation/bytes";
import { CONTROL_PLANE_FILES } from "@constellation/cluster-state";
import { deriveEtcdSecretsKey, deriveStateDiskKey, MasterSecret } from "@constellation/keys";
import { type EtcdSecretsKey, type IssueJoinTicketRequest, NodeRole, RpcError } from "@constellation/rpc";
import type { ApiCredentials } from "@constellation/testkit/kube-apiserver";
import { Joiner } from "./testing/joining-node.ts";
import { CLUSTER_ID, MASTER_SECRET, MASTER_SECRET_SALT, TestCluster } from "./testing/test-cluster.ts";

let cluster: TestCluster;
before(async () => {
  cluster = await TestCluster.start();
});
after(() => cluster?.stop());

/** Runs one conversation of a recorded machine. */
async function as<T>(name: string, talk: (joiner: Joiner) => Promise<T>): Promise<T> {
  const joiner = await Joiner.connect(cluster, cluster.machine(name));
  try {
    return await talk(joiner);
  } finally {
    await joiner.close();
  }
}

const diskKeyOf = (name: string): string => {
  const { diskUuid } = cluster.machine(name).record;
  return hex(deriveStateDiskKey(new MasterSecret(MASTER_SECRET), MASTER_SECRET_SALT, diskUuid).reveal());
};
const etcdKeysOf = (keys: readonly EtcdSecretsKey[]): [number, string][] =>
  keys.map(({ generation, key }) => [generation, hex(key)]);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

async function userOf(credentials: ApiCredentials): Promise<{ username: string; groups: string[] }> {
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  const { body } = await cluster.api.call("POST", path, review, credentials);
  return (body.status as { userInfo: { username: string; groups: string[] } }).userInfo;
}

test("a recorded worker gets its disk's key, the cluster's settings, and nothing of the control plane", async () => {
  const { ticket } = await as("worker-0", (joiner) => joiner.join());
  assert.equal(ticket.nodeName, "worker-0");
  assert.equal(ticket.role, NodeRole.WORKER);
  assert.equal(hex(ticket.stateDiskKey), diskKeyOf("worker-0"));
  assert.deepEqual(ticket.clusterId, CLUSTER_ID);
  assert.equal(text(ticket.clusterCaCertificate), cluster.api.pki.clusterCa.certificatePem);
  assert.deepEqual(ticket.apiServerEndpoints, [cluster.api.advertisedEndpoint]);
  assert.deepEqual([ticket.serviceCidr, ticket.timingProfile], ["10.96.0.0/12", "patient"]);
  assert.deepEqual(ticket.registryMirrors[0]?.endpoints, ["http://10.42.0.2:5000"]);
  assert.equal(ticket.controlPlaneFiles.length, 0);
  assert.equal(ticket.etcdSecretsKeys.length, 0);
});

test("a worker's certificate is that of its recorded node for the API server, whatever name it asked for", async () => {
  const { ticket, keyPem } = await as("worker-1", (joiner) => joiner.join());
  const certificatePem = text(ticket.kubeletCertificate);
  assert.equal(new X509Certificate(certificatePem).subjectAltName, "DNS:worker-1, IP Address:127.0.0.1");
  const node = { certificatePem, keyPem };
  const { username, groups } = await userOf(node);
  assert.equal(username, "system:node:worker-1");
  assert.deepEqual(groups.toSorted(), ["system:authenticated", "system:nodes"]);
  const register = async (name: string) => {
    return (await cluster.api.call("POST", "/api/v1/nodes", { kind: "Node", metadata: { name } }, node)).status;
  };
  assert.equal(await register("worker-1"), 201);
  assert.equal(await register("worker-2"), 403);
  const state = "/api/v1/namespaces/kube-system/configmaps/constellation-cluster";
  assert.equal((await cluster.api.call("PATCH", state, {}, node)).status, 403);
  assert.equal((await cluster.api.call("GET", "/api/v1/secrets", undefined, node)).status, 403);
});

test("a recorded control plane gets the PKI that control planes share, and no other private key", async () => {
  const { ticket } = await as("control-plane-1", (joiner) => joiner.join());
  assert.equal(ticket.role, NodeRole.CONTROL_PLANE);
  assert.deepEqual(
    ticket.controlPlaneFiles.map(({ path, mode }) => ({ path, mode })),
    CONTROL_PLANE_FILES.map(({ path, mode }) => ({ path: `/etc/kubernetes/pki/${path}`, mode })),
  );
  for (const { path, data } of ticket.controlPlaneFiles) {
    assert.equal(text(data), cluster.api.pki.files.get(path.slice("/etc/kubernetes/pki/".length)));
  }
  const others = Object.values(ticket).filter((value) => value instanceof Uint8Array);
  assert.ok(others.length > 0);
  assert.ok(others.every((bytes) => !text(bytes).includes("PRIVATE KEY")));
});

const WAY_TO_KMS = {
  kms: "kms://kmip?address=kms.example.org",
  storage: "",
  clusterid: CLUSTER_ID,
  measurementsalt: new Uint8Array(32).fill(3),
  "credentials.ca": "a CA",
};
const WRAPPED_ROOT = { "mastersecret.wrapped": "an envelope", salt: new Uint8Array(32).fill(2) };

test("in a cluster with an external KMS, control planes get the way to it, and workers do not", async () => {
  const [kms, wrappedRoot] = [WAY_TO_KMS, WRAPPED_ROOT];
  await cluster.mountKms({ kms, wrappedRoot });
  try {
    const { selfRecovery } = (await as("control-plane-1", (joiner) => joiner.join())).ticket;
    const { keyManagement, roots, clusterId } = selfRecovery ?? {};
    assert.deepEqual([keyManagement?.kmsUri, clusterId], [kms.kms, CLUSTER_ID]);
    assert.deepEqual(
      keyManagement?.credentials.map(({ name, data }) => [name, text(data)]),
      [["ca", "a CA"]],
    );
    assert.deepEqual(
      roots?.map(({ generation, envelope }) => [generation, text(envelope)]),
      [[1, "an envelope"]],
    );
    assert.equal((await as("worker-0", (joiner) => joiner.join())).ticket.selfRecovery, undefined);
    for (const half of [
      { kms: {}, wrappedRoot },
      { kms, wrappedRoot: {} },
    ]) {
      await cluster.mountKms(half);
      await assert.rejects(
        as("control-plane-1", (joiner) => joiner.join()),
        (error: unknown) => error instanceof RpcError && error.remoteCode === "kms_unavailable",
      );
    }
  } finally {
    await cluster.mountKms(undefined);
  }
  assert.equal((await as("control-plane-1", (joiner) => joiner.join())).ticket.selfRecovery, undefined);
});

test("a recorded control plane gets the keys for secrets in etcd, when it joins and when it rejoins", async () => {
  const wanted = hex(deriveEtcdSecretsKey(new MasterSecret(MASTER_SECRET), MASTER_SECRET_SALT).reveal());
  const { ticket } = await as("control-plane-1", (joiner) => joiner.join());
  assert.deepEqual(etcdKeysOf(ticket.etcdSecretsKeys), [[1, wanted]]);
  const again = await as("control-plane-1", (joiner) => joiner.rejoin());
  assert.deepEqual(etcdKeysOf(again.etcdSecretsKeys), [[1, wanted]]);
  assert.equal(hex(again.stateDiskKey), diskKeyOf("control-plane-1"));
});

test("a known worker gets its disk's key again and nothing else", async () => {
  const { stateDiskKey, clusterId, etcdSecretsKeys } = await as("worker-0", (joiner) => joiner.rejoin());
  assert.deepEqual([hex(stateDiskKey), clusterId, etcdSecretsKeys], [diskKeyOf("worker-0"), CLUSTER_ID, []]);
});

test("a control plane whose record was changed to a worker gets no key for secrets in etcd", async () => {
  await cluster.setState(({ nodes }) => ({
    nodes: nodes.map((node) => (node.name === "control-plane-1" ? { ...node, role: "worker" } : node)),
  }));
  try {
    const { etcdSecretsKeys } = await as("control-plane-1", (joiner) => joiner.rejoin());
    assert.deepEqual(etcdSecretsKeys, []);
  } finally {
    await cluster.setState(() => ({}));
  }
});

test("several nodes join at once", async () => {
  const names = ["worker-0", "worker-1", "worker-2", "control-plane-1"];
  const tickets = await Promise.all(names.map((name) => as(name, (joiner) => joiner.join())));
  assert.deepEqual(
    tickets.map(({ ticket }) => ticket.nodeName),
    names,
  );
});

const refusals: [string, string, () => Partial<IssueJoinTicketRequest>, string, string, RegExp, RegExp][] = [
  [
    "a recorded worker that asks for the control plane's files",
    "worker-0",
    () => ({ role: NodeRole.CONTROL_PLANE }),
    "permission-denied",
    "role_mismatch",
    /^"control-plane"$/,
    /^"worker"$/,
  ],
  [
    "a node that asks for another node's disk key",
    "worker-0",
    () => ({ diskUuid: cluster.machine("worker-1").record.diskUuid }),
    "permission-denied",
    "disk_mismatch",
    /^"[0-9a-f-]{36}"$/,
    /^"[0-9a-f-]{36}"$/,
  ],
  [
    "a node that asks for another node's address",
    "worker-0",
    () => ({ nodeAddresses: ["127.0.0.1", "10.42.0.10"] }),
    "permission-denied",
    "address_mismatch",
    /^"10\.42\.0\.10"$/,
    /127\.0\.0\.1/,
  ],
  [
    "a node without a certificate request",
    "worker-0",
    () => ({ certificateRequest: new Uint8Array() }),
    "invalid-argument",
    "certificate_request_malformed",
    /truncated/,
    /PKCS/,
  ],
];
for (const [what, name, change, status, code, got, wanted] of refusals) {
  test(`refused with ${code}, and said so in the log: ${what}`, async () => {
    await assert.rejects(
      as(name, (joiner) => joiner.join(change())),
      (error: unknown) => {
        assert.ok(error instanceof RpcError);
        assert.deepEqual([error.code, error.remoteCode], [status, code]);
        return true;
      },
    );
    const line = (await cluster.audit("join")).at(-1) ?? {};
    assert.deepEqual([line.outcome, line.code, line.node, line.remote], ["refused", code, name, "127.0.0.1"]);
    assert.match(String(line.got), got);
    assert.match(String(line.wanted), wanted);
  });
}

test("refused with disk_mismatch: a known node that asks for another node's disk key", async () => {
  const { diskUuid } = cluster.machine("worker-1").record;
  await assert.rejects(
    as("worker-0", (joiner) => joiner.rejoin(diskUuid)),
    (error: unknown) => error instanceof RpcError && error.remoteCode === "disk_mismatch",
  );
  assert.equal((await cluster.audit("rejoin")).at(-1)?.code, "disk_mismatch");
});

test("refused with too_many_attempts: a node that asks again and again, while others go on", async () => {
  await as("worker-2", async (joiner) => {
    let code: string | undefined;
    for (let attempt = 0; attempt < 40 && code !== "too_many_attempts"; attempt++) {
      code = await joiner.rejoin("x").then(
        () => undefined,
        (error: RpcError) => error.remoteCode,
      );
    }
    assert.equal(code, "too_many_attempts");
  });
  await as("worker-0", (joiner) => joiner.rejoin());
});

test("a node whose disk is of an older generation gets that key and the one to change to", async () => {
  await cluster.setSecret({ "mastersecret-2": new Uint8Array(32).fill(3), "salt-2": new Uint8Array(32).fill(4) });
  const second = deriveStateDiskKey(
    new MasterSecret(new Uint8Array(32).fill(3)),
    new Uint8Array(32).fill(4),
    cluster.machine("worker-0").record.diskUuid,
  );
  const old = await as("worker-0", (joiner) => joiner.rejoin());
  assert.equal(hex(old.stateDiskKey), diskKeyOf("worker-0"));
  assert.deepEqual([hex(old.nextStateDiskKey), old.nextGeneration], [hex(second.reveal()), 2]);
  const current = await as("worker-0", (joiner) => joiner.rejoin(undefined, 2));
  assert.deepEqual([hex(current.stateDiskKey), current.nextStateDiskKey.length], [hex(second.reveal()), 0]);
  const { ticket } = await as("worker-1", (joiner) => joiner.join());
  assert.equal(ticket.stateDiskKeyGeneration, 2);
  assert.notEqual(hex(ticket.stateDiskKey), diskKeyOf("worker-1"));
});

test("a control plane whose disk would be of a generation that its way to the KMS has not is refused", async () => {
  await cluster.mountKms({ kms: WAY_TO_KMS, wrappedRoot: WRAPPED_ROOT });
  try {
    await assert.rejects(
      as("control-plane-1", (joiner) => joiner.join()),
      (error: unknown) => error instanceof RpcError && error.remoteCode === "kms_unavailable",
    );
    const second = { "mastersecret-2.wrapped": "another", "salt-2": new Uint8Array(32).fill(4) };
    await cluster.mountKms({ kms: WAY_TO_KMS, wrappedRoot: { ...WRAPPED_ROOT, ...second } });
    const { ticket } = await as("control-plane-1", (joiner) => joiner.join());
    assert.equal(ticket.stateDiskKeyGeneration, 2);
    assert.deepEqual(
      ticket.selfRecovery?.roots.map(({ generation, envelope }) => [generation, text(envelope)]),
      [
        [1, "an envelope"],
        [2, "another"],
      ],
    );
  } finally {
    await cluster.mountKms(undefined);
  }
});

for (const [generation, code] of [
  [3, "key_service_unavailable"],
  [256, "generation_invalid"],
] as const) {
  test(`refused with ${code}: a node that asks for generation ${generation}`, async () => {
    await assert.rejects(
      as("worker-0", (joiner) => joiner.rejoin(undefined, generation)),
      (error: unknown) => error instanceof RpcError && error.remoteCode === code,
    );
  });
}

test("no secret is in the log of either service", async () => {
  const log = (await cluster.joinService.output()) + (await cluster.keyService.output());
  const etcdKey = hex(deriveEtcdSecretsKey(new MasterSecret(MASTER_SECRET), MASTER_SECRET_SALT).reveal());
  for (const secret of [etcdKey, ...[...cluster.machines.keys()].map(diskKeyOf)]) {
    const key = Buffer.from(secret, "hex");
    for (const form of [key.toString("hex"), key.toString("base64")]) assert.ok(!log.includes(form));
  }
  assert.ok(!log.includes("PRIVATE KEY"));
});
