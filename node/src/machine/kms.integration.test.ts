/**
 * A control plane's root key in a real KMS (PyKMIP), the way to it sealed to a real TPM (swtpm): from init over a reboot
 * with no other control plane to the open disk.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { clusterKmsDependencies, openClusterKms } from "@constellation/kms";
import { PyKmip } from "@constellation/kms/testing";
import { KeyManagementSchema } from "@constellation/rpc";
import { findSwtpm, Swtpm } from "@constellation/testkit";
import { FAKE_EVENTS } from "@constellation/testkit/fake-tpm";
import { Tpm } from "@constellation/tpm2";
import type { InitEvent } from "../init/run.ts";
import { PATHS } from "../options.ts";
import { TpmSealer } from "../recovery/sealer.ts";
import { FakeNode, FakeTpm } from "../testing/fakes.ts";
import { initRequest } from "../testing/init-request.ts";
import { runMachine, type Steps } from "./machine.ts";
import { STEPS } from "./steps.ts";

const steps: Steps = { ...STEPS, run: () => Promise.resolve(undefined) };
const PATIENCE = { attemptMs: 120_000, totalMs: 240_000 };
const KEY = "kek";
const { signal } = new AbortController();
const skip = findSwtpm() === undefined ? "no swtpm on this machine" : false;

/** A machine whose boot and mark are those of a real TPM. */
class RealTpm extends FakeTpm {
  readonly #tpm: Tpm;

  constructor(tpm: Tpm) {
    super();
    this.#tpm = tpm;
  }

  override async isMarked(): Promise<boolean> {
    const value = (await this.#tpm.pcrRead([15])).get(15);
    return value?.some((byte) => byte !== 0) ?? true;
  }

  override async markWithClusterId(clusterId: Uint8Array): Promise<void> {
    if (await this.isMarked()) return;
    await this.#tpm.pcrExtend(15, new Uint8Array(createHash("sha256").update(clusterId).digest()));
  }
}

describe("a control plane with its root key in PyKMIP and its record sealed to swtpm", { skip }, () => {
  let pykmip: PyKmip;
  let swtpm: Swtpm;
  let node: FakeNode;
  let stop: AbortController;

  before(async () => {
    pykmip = await PyKmip.start();
    const { kms } = await openClusterKms(await keyManagement(), clusterKmsDependencies(PATIENCE), signal);
    await kms.createKey?.(signal);
    const other = await openClusterKms(await keyManagement("another"), clusterKmsDependencies(PATIENCE), signal);
    await other.kms.createKey?.(signal);
  });
  after(() => pykmip?.stop());

  beforeEach(async () => {
    swtpm = await Swtpm.start();
    stop = new AbortController();
    node = new FakeNode();
    node.write("/manifests/a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n");
    node.platform = {
      ...node.platform,
      attester: new RealTpm(new Tpm(swtpm.transport)),
      sealer: new TpmSealer(swtpm.transport),
    };
    await boot();
  });
  afterEach(async () => {
    stop.abort();
    node.remove();
    await swtpm.stop();
  });

  /** What firmware measures; another image differs in one event. */
  async function boot(image = ""): Promise<void> {
    const tpm = new Tpm(swtpm.transport);
    await tpm.startup();
    for (const { pcr, data } of FAKE_EVENTS) {
      await tpm.pcrExtend(pcr, new Uint8Array(createHash("sha256").update(data).update(image).digest()));
    }
  }

  async function powerCycle(image?: string): Promise<void> {
    await swtpm.powerCycle();
    await boot(image);
    node.reboot();
    node.initHandler = undefined;
    node.consoleLines.length = 0;
  }

  async function keyManagement(keyName = KEY, client: "client" | "stranger" = "client") {
    const { uri, credentials } = await pykmip.forCluster(keyName, { client });
    return { kms: uri, storage: "", credentials };
  }

  async function request(keyName?: string, client?: "client" | "stranger") {
    const { kms, credentials } = await keyManagement(keyName, client);
    const made = initRequest(node.platform);
    made.keyManagement = create(KeyManagementSchema, {
      kmsUri: kms,
      credentials: [...credentials].map(([name, secret]) => ({ name, data: Uint8Array.from(secret.reveal()) })),
    });
    return made;
  }

  function start(): Promise<void> {
    const { dependencies } = node;
    const ports = { ...dependencies.options.ports, recover: 0, join: 0 };
    const real = {
      ...dependencies,
      options: { ...dependencies.options, ports },
      openKms: (...[given, ending]: Parameters<typeof dependencies.openKms>) =>
        openClusterKms(given, clusterKmsDependencies(PATIENCE), ending),
    };
    const running = runMachine(steps, real, stop.signal);
    running.catch(() => undefined);
    return running;
  }

  async function knock(asked: Awaited<ReturnType<typeof request>>): Promise<InitEvent | undefined> {
    await untilTrue(() => node.initHandler !== undefined);
    const events: InitEvent[] = [];
    for await (const event of (await node.initHandler!(asked)).events(stop.signal)) events.push(event);
    return events.at(-1);
  }

  async function initialised(): Promise<void> {
    const machine = start();
    const end = await knock(await request());
    assert.equal(end?.kind, "success", JSON.stringify(end));
    await machine;
  }

  const said = (part: string): Promise<void> => untilTrue(() => node.consoleLines.some((line) => line.includes(part)));

  test("recovers by the KMS after a reboot, and waits for one that is down", async () => {
    await initialised();
    await powerCycle();
    await start();
    assert.ok(node.disk.mapping, "opened by the KMS");

    await powerCycle();
    await pykmip.halt();
    const machine = start();
    await said("waiting for KMS kms://kmip at 127.0.0.1:");
    assert.ok(node.consoleLines.some((line) => line.includes("kms_unreachable")));
    assert.equal(node.disk.mapping, false);
    await pykmip.resume();
    await machine;
    assert.ok(node.disk.mapping, "it went on by itself");
  });

  test("stays fresh with wrong credentials and with a key that is not there, and is initialised after it", async () => {
    const machine = start();
    for (const [asked, codes] of [
      [await request(KEY, "stranger"), ["kms_denied", "kms_untrusted", "kms_unreachable"]],
      [await request("nothing"), ["kms_key_missing"]],
    ] as const) {
      const end = await knock(asked);
      assert.ok(end?.kind === "failure" && codes.some((code) => code === end.code), JSON.stringify(end));
      assert.equal(await node.platform.attester.isMarked(signal), false);
      assert.equal(existsSync(node.root + PATHS.nodeState), false);
    }
    assert.equal((await knock(await request()))?.kind, "success");
    await machine;
  });

  test("gives nothing to another image, to a marked boot, and to another TPM", async () => {
    await initialised();
    const [slot] = await node.disk.readRecovery();
    assert.ok(slot);
    await assert.rejects(node.platform.sealer!.unseal(slot.sealedKey, signal), { responseName: "TPM_RC_POLICY_FAIL" });
    await powerCycle("another image");
    await assert.rejects(node.platform.sealer!.unseal(slot.sealedKey, signal), { code: "sealed_policy" });
    void start();
    await said("not possible");
    assert.equal(node.disk.mapping, false);
    const other = await Swtpm.start();
    try {
      await new Tpm(other.transport).startup();
      for (const { pcr, data } of FAKE_EVENTS) {
        const digest = new Uint8Array(createHash("sha256").update(data).digest());
        await new Tpm(other.transport).pcrExtend(pcr, digest);
      }
      const sealer = new TpmSealer(other.transport);
      await assert.rejects(sealer.unseal(slot.sealedKey, signal), { responseName: "TPM_RC_INTEGRITY" });
    } finally {
      await other.stop();
    }
  });

  test("opens nothing with a record of another cluster that this very TPM sealed", async () => {
    await initialised();
    const victim = { platter: node.disk.platter, state: readFileSync(node.root + PATHS.nodeState, "utf8") };
    await node.disk.wipe();
    await powerCycle();
    const machine = start();
    const foreign = await request("another");
    foreign.masterSecret.fill(9);
    assert.equal((await knock(foreign))?.kind, "success");
    await machine;
    node.disk.platter = victim.platter;
    node.write(PATHS.nodeState, victim.state);
    await powerCycle();
    void start();
    await said("the record was swapped");
    await said("not possible");
    assert.equal(node.disk.mapping, false);
    assert.equal(await node.platform.attester.isMarked(signal), false);
  });
});

async function untilTrue(holds: () => boolean): Promise<void> {
  for (const started = performance.now(); !holds(); ) {
    if (performance.now() - started > 240_000) throw new Error("got nothing in 240 s");
    await wait(20);
  }
}
