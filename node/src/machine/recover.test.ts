import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setImmediate as tick } from "node:timers/promises";
import { ANONYMOUS, connectAtls } from "@constellation/atls";
import { deriveClusterId, deriveEtcdSecretsKey, deriveStateDiskKey, MasterSecret } from "@constellation/keys";
import { createAtlsClient, RecoverService } from "@constellation/rpc";
import { PATHS } from "../options.ts";
import type { Metadata } from "../platform/metadata.ts";
import { type NodeState, readNodeState, writeNodeState } from "../state/node-state.ts";
import { FakeNode } from "../testing/fakes.ts";
import { AttestingTpm, createFakeTpmCa, FakeJoinService } from "../testing/join-service.ts";
import { freePort } from "../testing/ports.ts";
import { runMachine, type Steps } from "./machine.ts";
import { STEPS } from "./steps.ts";

const SECRET = {
  master: new Uint8Array(32).fill(1),
  salt: new Uint8Array(32).fill(2),
  marker: new Uint8Array(32).fill(3),
};
/** A generation as it goes over the wire. */
interface KeyGenerationMessage {
  readonly generation: number;
  readonly masterSecret: Uint8Array<ArrayBuffer>;
  readonly salt: Uint8Array<ArrayBuffer>;
}

const steps: Steps = { ...STEPS, run: () => Promise.resolve(undefined) };

describe("a known control plane without any other", () => {
  let node: FakeNode;
  let stop: AbortController;
  let port: number;

  beforeEach(async () => {
    stop = new AbortController();
    port = await freePort();
    node = new FakeNode();
    node.platform = { ...node.platform, attester: await AttestingTpm.create(await createFakeTpmCa()) };
    const master = new MasterSecret(SECRET.master);
    const key = deriveStateDiskKey(master, SECRET.salt, node.platform.diskUuid);
    node.disk.platter = { content: { kind: "initialised", generation: 1 }, key };
    await writeNodeState(node.root + PATHS.nodeState, stateOf(deriveClusterId(master, SECRET.salt, SECRET.marker)));
    node.write(PATHS.adminConf, "    server: https://127.0.0.1:7443\n");
  });
  afterEach(() => {
    stop.abort();
    node.remove();
  });

  function stateOf(clusterId: Uint8Array): NodeState {
    return {
      version: 1,
      origin: "init",
      finished: true,
      name: "control-plane-0",
      role: "control-plane",
      clusterId: Buffer.from(clusterId).toString("hex"),
      clusterName: "mini",
      serviceCidr: "10.96.0.0/12",
      timingProfile: "default",
      registryMirrors: [],
      apiServerEndpoints: ["127.0.0.1:6443"],
    };
  }

  async function start(open: { readonly join?: number } = {}): Promise<{ ended: Promise<void> }> {
    const { dependencies } = node;
    const ports = { ...dependencies.options.ports, recover: port, join: port, ...open };
    const ended = runMachine(steps, { ...dependencies, options: { ...dependencies.options, ports } }, stop.signal);
    ended.catch(() => undefined);
    while (!node.consoleLines.some((line) => line.includes("open for recovery"))) await tick();
    return { ended };
  }

  async function recover(secret: typeof SECRET, rotated: readonly KeyGenerationMessage[] = []): Promise<void> {
    const appraiser = { appraise: () => Promise.resolve(undefined) };
    const target = { host: "127.0.0.1", port, purpose: "recover", timeoutMs: 10_000 };
    const { socket } = await connectAtls({ ...target, attester: ANONYMOUS, appraiser }, stop.signal);
    const { client, close } = createAtlsClient(RecoverService, { socket, timeoutMs: 10_000 });
    try {
      await client.recover({
        masterSecret: secret.master,
        masterSecretSalt: secret.salt,
        measurementSalt: secret.marker,
        rotated: [...rotated],
      });
    } finally {
      await close();
    }
  }

  test("opens its disk with the operator's secret, and goes on", async () => {
    const { ended } = await start();
    await recover(SECRET);
    await ended;
    assert.ok(node.disk.mapping);
    assert.ok(node.events.includes("start kubelet.service"));
  });

  test("opens no disk of the operator's once it has asked another cluster for this machine's secrets", async (context) => {
    // The host's own cluster was initialised on this very machine; the machine is on record in its victim's, too.
    const ca = await createFakeTpmCa();
    const victim = await FakeJoinService.start(ca, await AttestingTpm.create(ca));
    context.after(() => victim.close());
    const metadata: Metadata = { role: "control-plane", controlPlaneAddresses: ["127.0.0.1"] };
    node.platform = { ...node.platform, attester: await AttestingTpm.create(ca), metadata };
    await start({ join: victim.port });
    while (victim.rejoins.length === 0) await tick();
    await assert.rejects(recover(SECRET), /wanted the one that this agent has asked for secrets/);
    assert.equal(node.disk.mapping, false);
  });

  const etcdKey = () => deriveEtcdSecretsKey(new MasterSecret(SECRET.master), SECRET.salt);

  test("has the key for secrets in etcd from the operator's secret before it starts the kubelet", async () => {
    const { ended } = await start();
    await recover(SECRET);
    await ended;
    assert.ok(node.kms?.get(1)?.equals(etcdKey()));
    assert.ok(node.events.indexOf("serve kms") < node.events.indexOf("start kubelet.service"));
  });

  test("has its keys again when only the agent was restarted, and nobody else is there to give them", async () => {
    const { ended } = await start();
    await recover(SECRET);
    await ended;
    node.restartAgent();
    await runMachine(steps, node.dependencies, stop.signal);
    assert.ok(node.kms?.get(1)?.equals(etcdKey()));
  });

  test("has its keys again when the agent ended just after it opened the disk", async () => {
    await start();
    const died = Promise.withResolvers<void>();
    node.event = (event) => {
      if (event !== "mount") return FakeNode.prototype.event.call(node, event);
      died.resolve();
      return new Promise(() => {});
    };
    void recover(SECRET).catch(() => undefined);
    await died.promise;
    node.event = FakeNode.prototype.event.bind(node);
    node.restartAgent();
    await runMachine(steps, { ...node.dependencies }, stop.signal);
    assert.ok(node.kms?.get(1)?.equals(etcdKey()));
  });

  test("starts without keys where the file of this boot is gone, and leaves them to the key service", async () => {
    const { ended } = await start();
    await recover(SECRET);
    await ended;
    node.restartAgent();
    rmSync(node.root + PATHS.etcdKeys);
    await runMachine(steps, node.dependencies, stop.signal);
    assert.deepEqual([node.kms?.held, node.events.includes("start kubelet.service")], [[], true]);
    assert.ok(node.consoleLines.some((line) => line.includes("the key service must give them")));
  });

  test("of a machine that is a worker by its disk, keeps no key for secrets in etcd", async () => {
    const path = node.root + PATHS.nodeState;
    await writeNodeState(path, { ...(await readNodeState(path)), role: "worker", origin: "join" });
    const { ended } = await start();
    await recover(SECRET);
    await ended;
    assert.deepEqual(
      [node.kms, node.etcdKeys.ring.held, existsSync(node.root + PATHS.etcdKeys)],
      [undefined, [], false],
    );
  });

  test("refuses a secret that does not open the disk, keeps no key of it, and takes the right one after it", async () => {
    const { ended } = await start();
    await assert.rejects(recover({ ...SECRET, master: new Uint8Array(32).fill(9) }), /does not fit/);
    assert.equal(node.disk.mapping, false);
    assert.deepEqual([node.etcdKeys.ring.held, existsSync(node.root + PATHS.etcdKeys)], [[], false]);
    await recover(SECRET);
    await ended;
    assert.ok(node.kms?.get(1)?.equals(etcdKey()));
  });

  const second = (): KeyGenerationMessage => ({
    generation: 2,
    masterSecret: new Uint8Array(32).fill(5),
    salt: new Uint8Array(32).fill(6),
  });
  const keyOfSecond = () =>
    deriveStateDiskKey(new MasterSecret(second().masterSecret), second().salt, node.platform.diskUuid);

  test("changes its disk's key to that of a newer generation that the operator brings", async () => {
    const { ended } = await start();
    await recover(SECRET, [second()]);
    await ended;
    assert.deepEqual(node.disk.platter.content, { kind: "initialised", generation: 2 });
    assert.ok(node.disk.platter.key?.equals(keyOfSecond()));
    assert.ok(node.consoleLines.includes("state disk: key changed to generation 2"));
  });

  test("opens a disk of a later generation, and needs that generation for it", async () => {
    node.disk.platter = { content: { kind: "initialised", generation: 2 }, key: keyOfSecond() };
    const { ended } = await start();
    await assert.rejects(recover(SECRET), /wanted at most the current "1"/);
    await recover(SECRET, [second()]);
    await ended;
  });

  test("goes on with its old key where it can't be changed", async () => {
    node.disk.changeFailure = new Error("by test");
    const { ended } = await start();
    await recover(SECRET, [second()]);
    await ended;
    assert.deepEqual(node.disk.platter.content, { kind: "initialised", generation: 1 });
  });

  test("refuses generations that are no keyring", async () => {
    await start();
    await assert.rejects(recover(SECRET, [second(), second()]), /got generation "2" twice/);
    await assert.rejects(recover(SECRET, [{ ...second(), masterSecret: new Uint8Array(31) }]), /Recover node failed/);
  });

  test("refuses a secret of the wrong length", async () => {
    await start();
    await assert.rejects(recover({ ...SECRET, master: new Uint8Array(5) }), /Recover node failed/);
  });

  test("does not become another cluster's node by a wrong measurement salt", async () => {
    const { ended } = await start();
    await assert.rejects(recover({ ...SECRET, marker: new Uint8Array(32).fill(9) }));
    await assert.rejects(ended, { code: "cluster_mismatch" });
    assert.equal((node.platform.attester as AttestingTpm).marker, "00".repeat(32));
  });
});
