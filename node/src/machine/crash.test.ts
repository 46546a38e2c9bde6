import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setImmediate as tick } from "node:timers/promises";
import { deriveStateDiskKey, MasterSecret } from "@constellation/keys";
import { NodeError } from "../errors.ts";
import { PATHS } from "../options.ts";
import { readNodeState } from "../state/node-state.ts";
import { FakeNode } from "../testing/fakes.ts";
import { initRequest } from "../testing/init-request.ts";
import { AttestingTpm, createFakeTpmCa, FakeJoinService } from "../testing/join-service.ts";
import { runMachine, type Steps } from "./machine.ts";
import { STEPS } from "./steps.ts";

const steps: Steps = { ...STEPS, run: () => Promise.resolve(undefined) };

/** The agent's life ends at this event: whatever waits for it waits for ever. */
function dieAt(node: FakeNode, name: string): Promise<void> {
  const died = Promise.withResolvers<void>();
  const original = node.event.bind(node);
  node.event = (event) => {
    if (event !== name) return original(event);
    died.resolve();
    return new Promise(() => {});
  };
  return died.promise;
}

/** Undoes `dieAt`, as a new life of the agent does. */
function revive(node: FakeNode): void {
  node.event = FakeNode.prototype.event.bind(node);
  node.restartAgent();
}

async function settled(node: FakeNode, machine: Promise<void>): Promise<"reset" | "member"> {
  let ended = false;
  machine.then(
    () => (ended = true),
    () => undefined,
  );
  while (!ended && !node.events.includes("reboot")) await tick();
  return ended ? "member" : "reset";
}

describe("the agent killed during init", () => {
  let node: FakeNode;
  let stop: AbortController;

  beforeEach(() => {
    node = new FakeNode();
    node.write("/manifests/a.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: dns}\n");
    stop = new AbortController();
  });
  afterEach(() => {
    stop.abort();
    node.remove();
  });

  const start = (): Promise<void> => {
    const machine = runMachine(steps, node.dependencies, stop.signal);
    machine.catch(() => undefined);
    return machine;
  };

  async function knock(): Promise<void> {
    while (node.initHandler === undefined) await tick();
    for (;;) {
      try {
        const run = await node.initHandler(initRequest(node.platform));
        for await (const event of run.events(stop.signal)) if (event.kind === "success") return;
        return;
      } catch (error) {
        if (!(error instanceof NodeError)) throw error;
        await tick();
      }
    }
  }

  const beforeCommit = ["mirrors", "certificates", "start kubelet.service", "kubeadm init", "apply secrets"];
  for (const event of beforeCommit) {
    test(`at "${event}", before the commit: the node resets, and is initialised at the next try`, async () => {
      const died = dieAt(node, event);
      void start();
      void knock();
      await died;
      revive(node);
      assert.equal(await settled(node, start()), "reset");
      assert.equal(node.disk.platter.content.kind, "fresh");
      node.reboot();
      node.initHandler = undefined;
      const machine = start();
      await knock();
      await machine;
      assert.equal((await readNodeState(node.root + PATHS.nodeState)).finished, true);
    });
  }

  test("at the manifests, after the commit: the node goes on by itself, and the operator hears the end", async () => {
    const died = dieAt(node, "apply manifests");
    void start();
    void knock();
    await died;
    assert.equal((await readNodeState(node.root + PATHS.nodeState)).finished, false);
    revive(node);
    const machine = start();
    await knock();
    await machine;
    assert.ok(node.events.includes("apply manifests"));
    assert.ok(!node.events.includes("kubeadm init"));
    assert.ok(node.events.indexOf("serve kms") < node.events.indexOf("start kubelet.service"));
    assert.equal(node.kms?.current?.generation, 1, "the keys outlive the agent");
    assert.equal((await readNodeState(node.root + PATHS.nodeState)).finished, true);
  });

  test("by a power cut after the commit: the key comes back, and the rest is done", async () => {
    const died = dieAt(node, "apply manifests");
    void start();
    void knock();
    await died;
    revive(node);
    node.reboot();
    const master = new MasterSecret(new Uint8Array(32).fill(1));
    const key = deriveStateDiskKey(master, new Uint8Array(32).fill(2), node.platform.diskUuid);
    // What the recovery server does with the operator's secret; its own tests are in recover.test.ts.
    await node.disk.open(key, stop.signal);
    const machine = start();
    await machine;
    assert.ok(node.events.includes("apply manifests"));
    assert.equal((await readNodeState(node.root + PATHS.nodeState)).finished, true);
  });
});

describe("the agent killed during join", () => {
  let node: FakeNode;
  let stop: AbortController;
  let service: FakeJoinService;

  beforeEach(async () => {
    const ca = await createFakeTpmCa();
    service = await FakeJoinService.start(ca, await AttestingTpm.create(ca));
    node = new FakeNode();
    node.platform = {
      ...node.platform,
      attester: await AttestingTpm.create(ca),
      metadata: { role: "worker", controlPlaneAddresses: ["127.0.0.1"] },
    };
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    node.remove();
    await service.close();
  });

  const start = (): Promise<void> => {
    const { dependencies } = node;
    const ports = { ...dependencies.options.ports, join: service.port };
    const machine = runMachine(steps, { ...dependencies, options: { ...dependencies.options, ports } }, stop.signal);
    machine.catch(() => undefined);
    return machine;
  };

  test("before the commit: the node resets, and joins again", async () => {
    const died = dieAt(node, "mirrors");
    void start();
    await died;
    revive(node);
    assert.equal(await settled(node, start()), "reset");
    node.reboot();
    (node.platform.attester as AttestingTpm).marker = "00".repeat(32);
    await start();
    assert.equal((await readNodeState(node.root + PATHS.nodeState)).finished, true);
  });

  test("after the commit: the node goes on by itself", async () => {
    const died = dieAt(node, "start kubelet.service");
    void start();
    await died;
    revive(node);
    await start();
    assert.ok(node.events.includes("start kubelet.service"));
    assert.equal(service.requests.length, 1);
  });

  test("after the commit, with the machine reset: the node gets its key again and goes on", async () => {
    const died = dieAt(node, "start kubelet.service");
    void start();
    await died;
    revive(node);
    node.reboot();
    (node.platform.attester as AttestingTpm).marker = "00".repeat(32);
    await start();
    assert.ok(node.events.includes("start kubelet.service"));
  });
});
