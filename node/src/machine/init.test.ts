import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, type TestContext, test } from "node:test";
import { setImmediate as tick } from "node:timers/promises";
import { deriveEtcdSecretsKey, KeysError, MasterSecret } from "@constellation/keys";
import { refuseInit } from "../init/endpoint.ts";
import { recallInit } from "../init/recall.ts";
import { type InitEvent, InitRun } from "../init/run.ts";
import { PATHS } from "../options.ts";
import { readNodeState } from "../state/node-state.ts";
import { FakeNode } from "../testing/fakes.ts";
import { initRequest } from "../testing/init-request.ts";
import { runMachine, type Steps } from "./machine.ts";
import { STEPS } from "./steps.ts";

async function collect(events: AsyncIterable<InitEvent>): Promise<InitEvent[]> {
  const all: InitEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** The first bytes of all master secrets that are wiped from now on. */
function watchWipes(t: TestContext): ReadonlySet<number | undefined> {
  const firstBytes = new Set<number | undefined>();
  t.mock.method(MasterSecret.prototype, "wipe", function (this: MasterSecret) {
    firstBytes.add(this.reveal()[0]);
    this.reveal().fill(0);
  });
  return firstBytes;
}

// The run state has nothing to do here but to say that it was reached.
const steps: Steps = { ...STEPS, run: () => Promise.resolve(undefined) };

describe("a fresh control plane", () => {
  let node: FakeNode;
  let stop: AbortController;

  beforeEach(() => {
    node = new FakeNode();
    node.write(
      "/manifests/a.yaml",
      "apiVersion: v1\nkind: Service\nmetadata: {name: dns}\nspec:\n  clusterIP: '@@CLUSTER_DNS@@'\n",
    );
    stop = new AbortController();
  });
  afterEach(() => {
    stop.abort();
    node.remove();
  });

  const start = (): Promise<void> => runMachine(steps, node.dependencies, stop.signal);

  async function knock(request = initRequest(node.platform)): Promise<InitEvent[]> {
    while (node.initHandler === undefined) await tick();
    const run = await node.initHandler(request);
    return await collect(run.events(stop.signal));
  }

  test("is initialised: key replaced, cluster marked, control plane up, disk committed, kubeconfig returned", async () => {
    const machine = start();
    const events = await knock();
    await machine;
    assert.deepEqual(
      events.map((event) => (event.kind === "progress" ? event.step : event.kind)),
      ["disk", "identity", "certificates", "images", "control-plane", "secrets", "commit", "manifests", "success"],
    );
    const success = events.at(-1);
    assert.ok(success?.kind === "success");
    assert.match(new TextDecoder().decode(success.kubeconfig), /server: https:\/\/203\.0\.113\.7:6443\n/);
    assert.equal(node.disk.platter.content.kind, "initialised");
    assert.notEqual(node.tpm.marker, "00".repeat(32));
    const state = await readNodeState(node.root + PATHS.nodeState);
    assert.deepEqual([state.name, state.role, state.finished], ["control-plane-0", "control-plane", true]);
    assert.equal(statSync(node.root + PATHS.nodeState).mode & 0o777, 0o600);
    assert.match(node.applied[1] ?? "", /"clusterIP":"10\.96\.0\.10"/);
    assert.equal(node.endpoints[0]?.host, "127.0.0.1");
  });

  test("serves the key for secrets in etcd before anything can start the API server", async () => {
    const machine = start();
    await knock();
    await machine;
    const order = ["serve kms", "start kubelet.service", "kubeadm init"];
    assert.deepEqual(
      node.events.filter((event) => order.includes(event)),
      ["serve kms", "start kubelet.service", "kubeadm init", "serve kms", "start kubelet.service"],
    );
    const wanted = deriveEtcdSecretsKey(new MasterSecret(new Uint8Array(32).fill(1)), new Uint8Array(32).fill(2));
    assert.ok(node.kms?.get(1)?.equals(wanted));
    assert.equal(node.kms?.current?.generation, 1);
  });

  test("leaves the key for secrets in etcd nowhere but in memory", async () => {
    const machine = start();
    await knock();
    await machine;
    const key = deriveEtcdSecretsKey(new MasterSecret(new Uint8Array(32).fill(1)), new Uint8Array(32).fill(2));
    const forms = (["hex", "base64", "latin1"] as const).map((form) => Buffer.from(key.reveal()).toString(form));
    const holding = readdirSync(node.root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .filter((path) => forms.some((form) => readFileSync(path, "latin1").includes(form)));
    assert.deepEqual(holding, [node.root + PATHS.etcdKeys]);
    assert.ok(PATHS.etcdKeys.startsWith("/run/"));
  });

  test("writes the master secret nowhere but into the Kubernetes secret", async () => {
    const machine = start();
    await knock();
    await machine;
    const secret = Buffer.alloc(32, 1);
    assert.match(node.applied[0] ?? "", /constellation-master-secret/);
    assert.ok(node.applied[0]?.includes(secret.toString("base64")));
    const state = readFileSync(node.root + PATHS.nodeState, "utf8");
    for (const form of ["hex", "base64"] as const) assert.ok(!state.includes(secret.toString(form)));
  });

  test("publishes the CA by which pods know the key service, and no key of it", async () => {
    const machine = start();
    await knock();
    await machine;
    const objects = JSON.parse(node.applied[0] ?? "[]") as { metadata: { name: string }; data: object }[];
    const published = objects.find(({ metadata }) => metadata.name === "constellation-services-ca");
    assert.deepEqual(published?.data, { "ca.crt": readFileSync(`${node.root}${PATHS.servicePki}/ca.crt`, "utf8") });
  });

  test("wipes its disk and reboots when init fails before the commit, and sends its journal", async () => {
    node.failAt = "kubeadm init";
    const machine = start();
    const events = await knock();
    assert.deepEqual(
      events.slice(-2).map((event) => event.kind),
      ["log", "failure"],
    );
    const failure = events.at(-1);
    assert.ok(failure?.kind === "failure");
    assert.equal(failure.code, "kubernetes");
    while (!node.events.includes("reboot")) await tick();
    assert.equal(node.disk.platter.content.kind, "fresh");
    stop.abort();
    await machine;
  });

  test("tries the manifests again when the API server does not take them at first", async () => {
    node.failAt = "apply manifests";
    const machine = start();
    const events = await knock();
    await machine;
    assert.equal(events.at(-1)?.kind, "success");
  });

  const refusals: [string, string, (request: ReturnType<typeof initRequest>) => void][] = [
    ["a short master secret", "request", (r) => (r.masterSecret = new Uint8Array(16).fill(1))],
    ["a bad cluster name", "request", (r) => (r.clusterName = "Mini!")],
    ["a bad version", "request", (r) => (r.kubernetesVersion = "latest")],
    ["a bad service range", "request", (r) => (r.serviceCidr = "10.96.0.0")],
    ["a bad name for the certificate", "request", (r) => (r.apiServerCertSans = ["-x"])],
    ["an unknown timing profile", "request", (r) => (r.timingProfile = "slow")],
    ["a policy that does not parse", "request", (r) => (r.attestationPolicy = "{}")],
    ["records without this machine", "refused", (r) => r.nodes.shift()],
    ["a record of this machine as a worker", "refused", (r) => r.nodes[0] && (r.nodes[0].role = 2)],
    [
      "a record with another disk",
      "refused",
      (r) => r.nodes[0] && (r.nodes[0].diskUuid = r.nodes[1]!.diskUuid.replace(/2$/, "3")),
    ],
  ];
  for (const [what, code, change] of refusals) {
    test(`refuses ${what}, forgets the secret and stays fresh`, async (t) => {
      const machine = start();
      const request = initRequest(node.platform);
      change(request);
      const wiped = watchWipes(t);
      await assert.rejects(knock(request), { code });
      assert.equal(wiped.has(1), request.masterSecret.length === 32);
      assert.ok(request.masterSecret.every((byte) => byte === 0));
      assert.equal((await knock()).at(-1)?.kind, "success");
      await machine;
    });
  }

  test("carries out one request only, and forgets the secret of another", async (t) => {
    const machine = start();
    while (node.initHandler === undefined) await tick();
    const handler = node.initHandler;
    const first = await handler(initRequest(node.platform));
    const second = initRequest(node.platform);
    second.masterSecret.fill(7);
    const wiped = watchWipes(t);
    await assert.rejects(handler(second), { code: "busy" });
    assert.ok(wiped.has(7));
    await collect(first.events(stop.signal));
    await machine;
  });

  test("refuses to be initialised again, but answers the operator who lost the answer", async (t) => {
    const machine = start();
    await knock();
    await machine;
    const other = initRequest(node.platform);
    other.masterSecret = new Uint8Array(32).fill(9);
    const wiped = watchWipes(t);
    await assert.rejects(knock(other), { code: "already_initialised" });
    assert.ok(wiped.has(9));
    assert.deepEqual(other.masterSecret, new Uint8Array(32));
    const again = await knock();
    assert.equal(again.at(-1)?.kind, "success");
  });

  test("gives nobody the kubeconfig again for the first generation once its disk is under a later one", async () => {
    const machine = start();
    await knock();
    await machine;
    const state = await readNodeState(node.root + PATHS.nodeState);
    const run = new InitRun();
    const asked = (diskGeneration: number) =>
      recallInit({ state, run, diskGeneration, hasKms: false })(initRequest(node.platform));
    assert.equal(await asked(1), run);
    await assert.rejects(async () => asked(2), { code: "already_initialised" });
  });

  test("takes an init request that is no secret at all for a wrong one", async () => {
    const machine = start();
    await knock();
    await machine;
    const other = initRequest(node.platform);
    other.masterSecret = new Uint8Array(1);
    await assert.rejects(knock(other), (error: unknown) => !(error instanceof KeysError));
  });

  test("forgets the secret of a request that comes before its state can take one", async () => {
    const request = initRequest(node.platform);
    await assert.rejects(refuseInit(request), { code: "already_initialised" });
    assert.deepEqual(request.masterSecret, new Uint8Array(32));
  });

  test("is not initialised where PCR 15 is set already", async () => {
    node.tpm.marker = "11".repeat(32);
    const machine = start();
    while (!node.events.includes("reboot")) await tick();
    assert.equal(existsSync(node.root + PATHS.nodeState), false);
    stop.abort();
    await machine;
  });
});
