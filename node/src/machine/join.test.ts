import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { existsSync, lstatSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { afterEach, before, beforeEach, describe, test } from "node:test";
import { setImmediate as tick, setTimeout as wait } from "node:timers/promises";
import { clusterIdPcr } from "@constellation/attestation";
import { CONTROL_PLANE_FILES } from "@constellation/cluster-state";
import { DiskKey } from "@constellation/keys";
import { EtcdSecretsKeySchema, FileSchema, NodeRole } from "@constellation/rpc";
import { create } from "@bufbuild/protobuf";
import type { FakeTpmCa } from "@constellation/testkit/fake-tpm";
import { fakeEventLog } from "@constellation/testkit/fake-tpm";
import { PATHS } from "../options.ts";
import { createKeyPair, issueSelfSigned, privateKeyPem } from "../pki/certificate.ts";
import { readNodeState } from "../state/node-state.ts";
import { FakeNode, NOW } from "../testing/fakes.ts";
import { initRequest } from "../testing/init-request.ts";
import { AttestingTpm, CLUSTER_ID, createFakeTpmCa, DISK_KEY, FakeJoinService } from "../testing/join-service.ts";
import { runMachine, type Steps } from "./machine.ts";
import { STEPS } from "./steps.ts";

const steps: Steps = { ...STEPS, run: () => Promise.resolve(undefined) };

let ca: FakeTpmCa;
let service: FakeJoinService;
let node: FakeNode;
let stop: AbortController;

before(async () => {
  ca = await createFakeTpmCa();
});

beforeEach(async () => {
  service = await FakeJoinService.start(ca, await AttestingTpm.create(ca));
  node = await joiningNode("worker");
  stop = new AbortController();
});

afterEach(async () => {
  stop.abort();
  node.remove();
  await service.close();
});

async function joiningNode(role: "worker" | "control-plane", tpm?: AttestingTpm): Promise<FakeNode> {
  const made = new FakeNode();
  made.platform = {
    ...made.platform,
    attester: tpm ?? (await AttestingTpm.create(ca)),
    metadata: { role, controlPlaneAddresses: ["127.0.0.1"] },
  };
  return made;
}

function start(of: FakeNode = node): Promise<void> {
  const dependencies = of.dependencies;
  const ports = { ...dependencies.options.ports, join: service.port, recover: 0 };
  return runMachine(steps, { ...dependencies, options: { ...dependencies.options, ports } }, stop.signal);
}

const etcdKey = (generation: number) =>
  create(EtcdSecretsKeySchema, { generation, key: new Uint8Array(32).fill(generation) });

const tpmOf = (of: FakeNode): AttestingTpm => of.platform.attester as AttestingTpm;

describe("a fresh worker", () => {
  test("joins: key replaced, cluster marked, credentials written, disk committed, kubelet started", async () => {
    await start();
    assert.equal(tpmOf(node).marker, clusterIdPcr(CLUSTER_ID));
    assert.equal(node.disk.platter.content.kind, "initialised");
    assert.ok(node.disk.platter.key?.equals(new DiskKey(DISK_KEY)));
    assert.ok(node.events.includes("start kubelet.service"));
    assert.ok(!node.events.includes("kubeadm join"));
    assert.deepEqual(node.endpoints, [{ host: "10.42.0.10", port: 6443 }]);
    const state = await readNodeState(node.root + PATHS.nodeState);
    assert.deepEqual([state.name, state.role, state.finished], ["worker-0", "worker", true]);
    assert.match(readFileSync(node.root + PATHS.kubeletConf, "utf8"), /"server": "https:\/\/127\.0\.0\.1:7443"/);
    assert.equal(statSync(`${node.root}${PATHS.kubeletPki}/kubelet.key`).mode & 0o777, 0o600);
    assert.ok(lstatSync(`${node.root}${PATHS.kubeletPki}/kubelet-client-current.pem`).isSymbolicLink());
    assert.match(
      readlinkSync(`${node.root}${PATHS.kubeletPki}/kubelet-client-current.pem`),
      /kubelet-client-initial\.pem$/,
    );
  });

  test("asks for what it is, with a request signed by its own new key", async () => {
    await start();
    const [request] = service.requests;
    assert.equal(request?.role, NodeRole.WORKER);
    assert.equal(request?.diskUuid, node.platform.diskUuid);
    assert.deepEqual(request?.nodeAddresses, ["127.0.0.1"]);
    assert.ok((request?.certificateRequest.length ?? 0) > 100);
  });

  test("joins when the service refuses at first", async () => {
    service.refusals = 1;
    await start();
    assert.equal(service.requests.length, 2);
  });

  for (const [passes, wanted] of [
    [false, 1],
    [true, 4],
  ] as const) {
    test(`asks a service that refused ${passes ? "again when the wait is over" : "no more before the wait is over"}`, async (t) => {
      let timeMs = 0;
      t.mock.method(performance, "now", () => (passes ? (timeMs += 60_000) : timeMs));
      service.refusals = Number.POSITIVE_INFINITY;
      let rounds = 0;
      const addresses = (): string[] => {
        rounds += 1;
        if (rounds > 4) stop.abort();
        return ["127.0.0.1"];
      };
      node.platform = {
        ...node.platform,
        metadata: {
          role: "worker",
          get controlPlaneAddresses() {
            return addresses();
          },
        },
      };
      await assert.rejects(start());
      assert.equal(service.requests.length, wanted);
    });
  }

  test("is not served by a join service on another image", async () => {
    const other = fakeEventLog([{ pcr: 11, data: "another image" }]);
    const stranger = await joiningNode("worker", await AttestingTpm.create(ca, other));
    const machine = start(stranger);
    while (!stranger.consoleLines.some((line) => line.startsWith("join service at"))) await tick();
    assert.equal(service.requests.length, 0);
    stop.abort();
    await machine.catch(() => undefined);
    stranger.remove();
  });

  test("is not served by a join service whose TPM has another authority", async () => {
    const stranger = await joiningNode("worker", await AttestingTpm.create(await createFakeTpmCa({ name: "other" })));
    const machine = start(stranger);
    while (!stranger.consoleLines.some((line) => line.startsWith("join service at"))) await tick();
    assert.equal(service.requests.length, 0);
    stop.abort();
    await machine.catch(() => undefined);
    stranger.remove();
  });

  test("does not believe a ticket for another cluster than the service's", async () => {
    service.ticket = { clusterId: new Uint8Array(32).fill(9) };
    const machine = start();
    while (!node.consoleLines.some((line) => line.includes("got cluster PCR"))) await tick();
    assert.equal(node.disk.platter.content.kind, "fresh");
    stop.abort();
    await machine.catch(() => undefined);
  });

  const bad: [string, typeof FakeJoinService.prototype.ticket][] = [
    ["a short disk key", { stateDiskKey: new Uint8Array(31) }],
    ["no role", { role: NodeRole.UNSPECIFIED }],
    ["a name that is none", { nodeName: "../x" }],
    ["a role that it did not ask for", { role: NodeRole.CONTROL_PLANE }],
    ["a static pod", { controlPlaneFiles: [create(FileSchema, { path: "/etc/kubernetes/manifests/x.yaml" })] }],
    ["a key for secrets in etcd, which a worker has no use for", { etcdSecretsKeys: [etcdKey(1)] }],
    ["no CA", { clusterCaCertificate: new Uint8Array() }],
    ["an endpoint without port", { apiServerEndpoints: ["10.42.0.10"] }],
  ];
  for (const [what, ticket] of bad) {
    test(`does not take a ticket with ${what}`, async () => {
      service.ticket = ticket;
      const machine = start();
      while (!node.consoleLines.some((line) => line.includes("Check join ticket failed"))) await tick();
      assert.equal(existsSync(node.root + PATHS.nodeState), false);
      assert.equal(node.disk.platter.content.kind, "fresh");
      stop.abort();
      await machine.catch(() => undefined);
    });
  }

  test("wipes its disk and reboots when a step before the commit fails", async () => {
    node.failAt = "mirrors";
    const machine = start();
    while (!node.events.includes("reboot")) await tick();
    assert.equal(node.disk.platter.content.kind, "fresh");
    stop.abort();
    await machine;
  });
});

describe("a fresh control plane", () => {
  let authority: ReturnType<typeof createKeyPair>;

  beforeEach(async () => {
    authority = createKeyPair();
    const subject = { commonName: "constellation-services" };
    const validity = { notBefore: NOW, notAfter: new Date("2036-01-01T00:00:00Z") };
    const caRequest = { subject, publicKey: authority.publicKey, usage: "ca", altNames: [], ...validity } as const;
    const caPem = issueSelfSigned(caRequest, authority.privateKey);
    const keyPem = privateKeyPem(authority.privateKey);
    const file = (path: string, mode: number) => {
      const text = path.endsWith("ca.key") ? keyPem : caPem;
      return create(FileSchema, { path: `${PATHS.pki}/${path}`, data: new TextEncoder().encode(text), mode });
    };
    service.ticket = {
      nodeName: "control-plane-1",
      role: NodeRole.CONTROL_PLANE,
      controlPlaneFiles: CONTROL_PLANE_FILES.map(({ path, mode }) => file(path, mode)),
      clusterCaCertificate: new TextEncoder().encode(caPem),
      etcdSecretsKeys: [etcdKey(1), etcdKey(2)],
    };
    node.remove();
    node = await joiningNode("control-plane");
  });

  test("joins with the cluster's PKI, and makes its own service certificates from it", async () => {
    const machine = start();
    while (!node.events.includes("start kubelet.service")) await tick();
    await wait(600);
    assert.ok(!node.events.includes("kubeadm join etcd"), "there is no network for pods yet");
    node.write(PATHS.cniConfig, "{}");
    await machine;
    const steps = ["serve kms", "start kubelet.service", "kubeadm join etcd", "kubeadm join"];
    assert.deepEqual(
      node.events.filter((event) => steps.includes(event)),
      steps,
    );
    assert.deepEqual(
      node.kms?.held.map(({ generation, key }) => [generation, key.reveal()[0]]),
      [
        [1, 1],
        [2, 2],
      ],
    );
    assert.equal(node.kms?.current?.generation, 2);
    assert.equal(statSync(node.root + PATHS.etcdKeys).mode & 0o777, 0o600);
    assert.equal(statSync(`${node.root}${PATHS.pki}/ca.key`).mode & 0o777, 0o600);
    const certificate = new X509Certificate(readFileSync(`${node.root}${PATHS.servicePki}/key-service.crt`));
    assert.ok(certificate.verify(authority.publicKey));
    assert.match(certificate.subjectAltName ?? "", /URI:constellation:\/\/service\/key-service/);
    // Until it is a control plane, its own API server is none to be preferred.
    assert.deepEqual(node.endpoints, [{ host: "10.42.0.10", port: 6443 }]);
  });

  const knock = async () => {
    while (node.initHandler === undefined) await tick();
    return await node.initHandler(initRequest(node.platform));
  };

  test("is not initialised for another cluster once it has asked for a ticket, whatever has arrived of it", async () => {
    const answer = Promise.withResolvers<void>();
    service.hold = answer.promise;
    const machine = start();
    while (service.requests.length === 0) await tick();
    const outcome = await knock().then(
      () => "initialised",
      (error: Error) => error.message,
    );
    answer.resolve();
    assert.match(outcome, /already in "join"/);
    while (!node.consoleLines.some((line) => line.startsWith("member of cluster"))) await tick();
    stop.abort();
    await machine.catch(() => undefined);
    assert.equal(tpmOf(node).marker, clusterIdPcr(CLUSTER_ID));
  });

  test("can be initialised after a service that said no", async () => {
    node.write("/manifests/a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n");
    service.refusals = Number.POSITIVE_INFINITY;
    const machine = start();
    while (!node.consoleLines.some((line) => line.startsWith("join service at"))) await tick();
    await knock();
    await machine;
    assert.ok(service.requests.length > 0);
    assert.notEqual(tpmOf(node).marker, clusterIdPcr(CLUSTER_ID));
    assert.ok(await tpmOf(node).isMarked());
  });

  test("gets its keys for secrets in etcd again after a reboot, before it starts the kubelet", async () => {
    node.write(PATHS.cniConfig, "{}");
    await start();
    node.reboot();
    tpmOf(node).marker = "00".repeat(32);
    service.ticket = { etcdSecretsKeys: [etcdKey(1), etcdKey(2), etcdKey(3)] };
    await start();
    assert.deepEqual([node.kms?.held.length, node.kms?.current?.generation], [3, 3]);
    assert.ok(node.events.indexOf("serve kms") < node.events.indexOf("start kubelet.service"));
  });

  test("takes no ticket for a reboot that has no keys for secrets in etcd", async () => {
    node.write(PATHS.cniConfig, "{}");
    await start();
    node.reboot();
    tpmOf(node).marker = "00".repeat(32);
    service.ticket = {};
    const machine = start();
    while (!node.consoleLines.some((line) => line.includes("etcd_secrets_keys"))) await tick();
    assert.equal(node.disk.mapping, false);
    stop.abort();
    await machine.catch(() => undefined);
  });
});

describe("a known worker", () => {
  beforeEach(async () => {
    await start();
    node.reboot();
    tpmOf(node).marker = "00".repeat(32);
  });

  test("gets its disk key again and goes on", async () => {
    await start();
    assert.equal(tpmOf(node).marker, clusterIdPcr(CLUSTER_ID));
    assert.ok(node.disk.mapping);
    assert.ok(node.events.includes("start kubelet.service"));
  });

  test("takes no key for secrets in etcd", async () => {
    service.ticket = { etcdSecretsKeys: [etcdKey(1)] };
    const machine = start();
    while (!node.consoleLines.some((line) => line.includes("etcd_secrets_keys"))) await tick();
    assert.deepEqual([node.disk.mapping, node.kms, existsSync(node.root + PATHS.etcdKeys)], [false, undefined, false]);
    service.ticket = {};
    await machine;
    assert.equal(node.kms, undefined);
  });

  test("says of which generation its disk's key is, and changes it to a newer one with the ticket", async () => {
    const next = new Uint8Array(32).fill(6);
    service.next = { nextStateDiskKey: next.slice(), nextGeneration: 2 };
    await start();
    assert.deepEqual(
      service.rejoins.map(({ generation }) => generation),
      [1],
    );
    assert.deepEqual(node.disk.platter.content, { kind: "initialised", generation: 2 });
    assert.ok(node.disk.platter.key?.equals(new DiskKey(next)));
    node.reboot();
    tpmOf(node).marker = "00".repeat(32);
    service.next = {};
    service.ticket = { stateDiskKey: next.slice() };
    await start();
    assert.equal(service.rejoins.at(-1)?.generation, 2);
  });

  test("does not go back to an older generation", async () => {
    node.disk.platter = { ...node.disk.platter, content: { kind: "initialised", generation: 3 } };
    service.next = { nextStateDiskKey: new Uint8Array(32).fill(6), nextGeneration: 2 };
    const machine = start();
    while (!node.consoleLines.some((line) => line.includes("next_generation"))) await tick();
    assert.equal(node.disk.mapping, false);
    service.next = {};
    await machine;
  });

  test("keeps asking when the key does not fit", async () => {
    service.ticket = { stateDiskKey: new Uint8Array(32).fill(5) };
    const machine = start();
    while (!node.consoleLines.some((line) => line.includes("does not fit"))) await tick();
    service.ticket = {};
    await machine;
    assert.ok(node.disk.mapping);
  });

  test("goes on without a key when only the agent was restarted", async () => {
    await start();
    node.events.length = 0;
    await service.close();
    await start();
    assert.ok(node.events.includes("start kubelet.service"));
  });
});
