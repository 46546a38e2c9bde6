import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setImmediate as tick } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { ANONYMOUS, connectAtls } from "@constellation/atls";
import { hex } from "@constellation/bytes";
import { deriveEtcdSecretsKey, DiskKey, MasterSecret } from "@constellation/keys";
import { memoryKms, type MemoryKms } from "@constellation/kms/testing";
import {
  createAtlsClient,
  EtcdSecretsKeySchema,
  type InitRequest,
  KeyManagementSchema,
  RecoverService,
} from "@constellation/rpc";
import { TpmError } from "@constellation/tpm2";
import type { InitEvent } from "../init/run.ts";
import { PATHS } from "../options.ts";
import type { Metadata } from "../platform/metadata.ts";
import { sealSlot } from "../recovery/keep-sealed.ts";
import { readRecord } from "../recovery/record-file.ts";
import { FakeSealer } from "../testing/fake-sealer.ts";
import { FakeNode } from "../testing/fakes.ts";
import { readNodeState, writeNodeState } from "../state/node-state.ts";
import { initRequest } from "../testing/init-request.ts";
import { AttestingTpm, CLUSTER_ID, createFakeTpmCa, DISK_KEY, FakeJoinService } from "../testing/join-service.ts";
import { freePort } from "../testing/ports.ts";
import { runMachine, type Steps } from "./machine.ts";
import { STEPS } from "./steps.ts";

const steps: Steps = { ...STEPS, run: () => Promise.resolve(undefined) };
const CREDENTIAL = "a private key of a client";
const URI =
  "kms://kmip?address=kms.example.org&keyName=kek&caFile=/credentials/ca&certificateFile=/credentials/crt&keyFile=/credentials/key";

describe("a control plane of a cluster with an external KMS", () => {
  let node: FakeNode;
  let sealer: FakeSealer;
  let kms: MemoryKms;
  let stop: AbortController;

  beforeEach(() => {
    stop = new AbortController();
    node = new FakeNode();
    node.write("/manifests/a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n");
    sealer = new FakeSealer(node.tpm);
    node.platform = { ...node.platform, sealer };
    kms = memoryKms();
    node.externalKms = { kms: kms.kms, store: undefined };
  });
  afterEach(() => {
    stop.abort();
    node.remove();
  });

  const start = (open: { readonly recover?: number; readonly join?: number } = {}): Promise<void> => {
    const { dependencies } = node;
    const ports = { ...dependencies.options.ports, recover: 0, join: 0, ...open };
    const running = runMachine(steps, { ...dependencies, options: { ...dependencies.options, ports } }, stop.signal);
    running.catch(() => undefined);
    return running;
  };

  function request(change: (request: InitRequest) => void = () => undefined): InitRequest {
    const made = initRequest(node.platform);
    made.keyManagement = create(KeyManagementSchema, {
      kmsUri: URI,
      credentials: ["ca", "crt", "key"].map((name) => ({ name, data: new TextEncoder().encode(CREDENTIAL) })),
    });
    change(made);
    return made;
  }

  async function knock(asked = request()): Promise<InitEvent[]> {
    while (node.initHandler === undefined) await tick();
    const events: InitEvent[] = [];
    for await (const event of (await node.initHandler(asked)).events(stop.signal)) events.push(event);
    return events;
  }

  async function initialised(): Promise<void> {
    const machine = start();
    assert.equal((await knock()).at(-1)?.kind, "success");
    await machine;
    node.initHandler = undefined;
  }

  const said = (part: string): Promise<void> => untilTrue(() => node.consoleLines.some((line) => line.includes(part)));

  test("keeps the master secret wrapped: in no object, on no disk", async () => {
    const machine = start();
    const events = await knock();
    await machine;
    assert.deepEqual(
      events.slice(0, 3).map((event) => (event.kind === "progress" ? event.step : event.kind)),
      ["kms", "disk", "identity"],
    );
    const [objects = ""] = node.applied;
    const secret = Buffer.alloc(32, 1);
    const everything = [objects, readFileSync(node.root + PATHS.recoveryRecord, "latin1"), node.consoleLines.join()];
    for (const text of everything) {
      for (const form of ["hex", "base64", "latin1"] as const) assert.ok(!text.includes(secret.toString(form)));
    }
    const data = (name: string): Record<string, string> =>
      (JSON.parse(objects) as { metadata: { name: string }; data: Record<string, string> }[]).find(
        ({ metadata }) => metadata.name === name,
      )?.data ?? {};
    assert.deepEqual(Object.keys(data("constellation-master-secret")), ["mastersecret.wrapped", "salt"]);
    assert.deepEqual(Object.keys(data("constellation-kms")), [
      "kms",
      "storage",
      "clusterid",
      "measurementsalt",
      "credentials.ca",
      "credentials.crt",
      "credentials.key",
    ]);
    assert.ok(!Buffer.from(node.disk.recovery).toString("latin1").includes(CREDENTIAL), "sealed");
  });

  const failures = [
    ["is away", "kms_unreachable", () => (kms.failure = "kms_unreachable")],
    ["refuses the credentials", "kms_denied", () => (kms.failure = "kms_denied")],
    ["gives another key than it was given", "wrapped_key_corrupt", () => (kms.lies = true)],
  ] as const;
  for (const [what, code, harm] of failures) {
    test(`stays fresh where the KMS ${what}, and is initialised by the next try`, async () => {
      const machine = start();
      harm();
      const failed = request();
      const end = (await knock(failed)).at(-1);
      assert.deepEqual([end?.kind, end?.kind === "failure" ? end.code : ""], ["failure", code]);
      assert.equal(node.tpm.marker, "00".repeat(32));
      assert.equal(node.disk.platter.content.kind, "fresh");
      assert.equal(existsSync(node.root + PATHS.nodeState), false);
      assert.ok(failed.keyManagement?.credentials.every(({ data }) => data.every((byte) => byte === 0)));
      Object.assign(kms, { failure: undefined, lies: false });
      assert.equal((await knock()).at(-1)?.kind, "success");
      await machine;
    });
  }

  test("stays fresh where its TPM does not give back what it sealed, and is initialised by the next try", async () => {
    const machine = start();
    sealer.failure = new TpmError("response", "TPM2_Unseal failed: TPM_RC_POLICY_FAIL");
    const end = (await knock()).at(-1);
    assert.deepEqual([end?.kind, end?.kind === "failure" ? end.code : ""], ["failure", "sealed_record"]);
    assert.equal(node.tpm.marker, "00".repeat(32));
    assert.equal(node.disk.platter.content.kind, "fresh");
    sealer.failure = undefined;
    assert.equal((await knock()).at(-1)?.kind, "success");
    await machine;
  });

  test("answers its operator's second try only with the KMS that the first one had", async () => {
    await initialised();
    node.restartAgent();
    node.disk.mapping = true;
    await start();
    await assert.rejects(knock(request((r) => (r.keyManagement = undefined))), {
      code: "already_initialised",
      message: /got key_management of none, wanted an external KMS/,
    });
    assert.equal((await knock()).at(-1)?.kind, "success");
  });

  const refusals: [string, (request: InitRequest) => void, RegExp][] = [
    [
      "a secret in the URI",
      (r) => (r.keyManagement!.kmsUri = "kms://aws?region=x&accessKeyID=y"),
      /accessKeyID: got it/,
    ],
    ["the cluster itself as its KMS", (r) => (r.keyManagement!.kmsUri = "kms://cluster-kms"), /"kms:\/\/cluster-kms"/],
    [
      "a file of the machine",
      (r) => (r.keyManagement!.kmsUri = URI.replace("/credentials/ca", "/etc/shadow")),
      /etc\/shadow/,
    ],
    ["a file that nothing names", (r) => (r.keyManagement!.credentials[0]!.name = "other"), /credentials/],
    [
      "the machine's identity to any endpoint",
      (r) => (r.keyManagement!.kmsUri = "kms://gcp?endpoint=https://a.example"),
      /own identity/,
    ],
  ];
  for (const [what, change, message] of refusals) {
    test(`refuses ${what}, and forgets what came with it`, async () => {
      void start();
      const refused = request(change);
      await assert.rejects(knock(refused), (error: unknown) => {
        assert.deepEqual([(error as { code: string }).code, message.test((error as Error).message)], ["request", true]);
        return true;
      });
      assert.ok(refused.masterSecret.every((byte) => byte === 0));
      assert.ok(refused.keyManagement?.credentials.every(({ data }) => data.every((byte) => byte === 0)));
    });
  }

  test("opens its own disk by the KMS after a reboot, with nobody else there", async () => {
    await initialised();
    node.reboot();
    await start();
    assert.ok(node.disk.mapping);
    assert.ok(node.events.includes("start kubelet.service"));
    assert.equal(kms.unwraps, 2, "one unwrap at init, one now");
    const { masterSecret, masterSecretSalt } = request();
    const wanted = deriveEtcdSecretsKey(new MasterSecret(masterSecret), masterSecretSalt);
    assert.ok(node.kms?.get(1)?.equals(wanted), "the plugin serves the key that secrets in etcd are under");
    assert.ok(node.events.indexOf("serve kms") < node.events.indexOf("start kubelet.service"));
  });

  test("waits for a KMS that is away, says why once, and goes on when it is back", async () => {
    await initialised();
    node.reboot();
    kms.failure = "kms_unreachable";
    const machine = start();
    await said("waiting for KMS kms://kmip at kms.example.org: kms_unreachable");
    assert.equal(node.disk.mapping, false);
    kms.failure = undefined;
    await machine;
    assert.ok(node.disk.mapping);
  });

  test("takes the operator's kept master secret while it waits for the KMS", async () => {
    await initialised();
    node.reboot();
    kms.failure = "kms_unreachable";
    const port = await freePort();
    const machine = start({ recover: port });
    await said("waiting for KMS");
    const appraiser = { appraise: () => Promise.resolve(undefined) };
    const target = { host: "127.0.0.1", port, purpose: "recover", timeoutMs: 10_000 };
    const { socket } = await connectAtls({ ...target, attester: ANONYMOUS, appraiser }, stop.signal);
    const { client, close } = createAtlsClient(RecoverService, { socket, timeoutMs: 10_000 });
    const { masterSecret, masterSecretSalt, measurementSalt } = request();
    await client.recover({ masterSecret, masterSecretSalt, measurementSalt });
    await close();
    await machine;
    assert.ok(node.disk.mapping);
  });

  /** An initialised node that has booted anew, whose disk's key another control plane gives; and what that one says. */
  async function withAnother(ticket: FakeJoinService["ticket"]): Promise<FakeJoinService> {
    const ca = await createFakeTpmCa();
    const service = await FakeJoinService.start(ca, await AttestingTpm.create(ca));
    service.ticket = { etcdSecretsKeys: [1, 2].map(etcdKey), ...ticket };
    const tpm = await AttestingTpm.create(ca);
    const metadata: Metadata = { role: "control-plane", controlPlaneAddresses: ["127.0.0.1"] };
    node.platform = { ...node.platform, attester: tpm, sealer: new FakeSealer(tpm), metadata };
    await initialised();
    const state = await readNodeState(node.root + PATHS.nodeState);
    await writeNodeState(node.root + PATHS.nodeState, { ...state, clusterId: hex(CLUSTER_ID) });
    node.disk.platter = { content: { kind: "initialised", generation: 1 }, key: new DiskKey(DISK_KEY) };
    node.reboot();
    tpm.marker = "00".repeat(32);
    return service;
  }

  test("asks no KMS where another control plane gives the key", async () => {
    const service = await withAnother({});
    await start({ join: service.port });
    await service.close();
    assert.ok(node.disk.mapping);
    assert.equal(kms.unwraps, 1, "that of init");
    assert.ok(!node.events.some((event) => event.startsWith("open kms://")));
  });

  test("changes its disk's key to a generation only once its sealed record holds that one", async () => {
    const nextStateDiskKey = new Uint8Array(32).fill(7);
    const service = await withAnother({});
    service.next = { nextStateDiskKey, nextGeneration: 2 };
    await start({ join: service.port });
    assert.ok(node.consoleLines.some((line) => line.includes("key not changed to generation 2")));
    assert.deepEqual(node.disk.platter.content, { kind: "initialised", generation: 1 });
    assert.ok(node.disk.mapping);

    // The cluster has the second generation, and the node has sealed it.
    const record = await readRecord(node.root);
    assert.ok(record !== undefined);
    const second = { ...record.roots[0]!, generation: 2 };
    const whole = { ...record, roots: [...record.roots, second] };
    await node.disk.writeRecovery((sequence) => sealSlot(whole, sequence, node.platform, stop.signal));
    node.reboot();
    (node.platform.attester as AttestingTpm).marker = "00".repeat(32);
    await start({ join: service.port });
    await service.close();
    assert.deepEqual(node.disk.platter.content, { kind: "initialised", generation: 2 });
    assert.ok(node.disk.platter.key?.equals(new DiskKey(nextStateDiskKey)));
  });

  test("goes on asking a KMS that lies, and tries no key of it", async () => {
    await initialised();
    node.reboot();
    kms.lies = true;
    const machine = start();
    await said("wrapped_key_corrupt");
    assert.equal(node.disk.mapping, false);
    kms.lies = false;
    await machine;
  });

  test("does not open a record under another image, and says so", async () => {
    await initialised();
    node.reboot();
    sealer.image = "another image";
    void start();
    await said("not possible");
    assert.ok(node.consoleLines.some((line) => line.includes("a record was refused: Open recovery record failed")));
    assert.equal(kms.unwraps, 1);
  });

  test("gets nothing from the sealer once its boot is marked", async () => {
    await initialised();
    const [slot] = await node.disk.readRecovery();
    await assert.rejects(sealer.unseal(slot!.sealedKey), /POLICY_FAIL/);
  });

  for (const [what, change] of [
    ["cut", (area: Uint8Array) => area.fill(0, 200)],
    ["changed in its ciphertext", (area: Uint8Array) => (area[400] = area[400]! ^ 1)],
    ["empty", (area: Uint8Array) => area.fill(0)],
  ] as const) {
    test(`asks no KMS with a record that is ${what}`, async () => {
      await initialised();
      node.reboot();
      change(node.disk.recovery);
      void start();
      await untilTrue(() => node.logged.includes("no recovery record"));
      assert.equal(kms.unwraps, 1);
      assert.ok(!node.consoleLines.some((line) => line.includes("self-recovery: not")), "as in clusters without a KMS");
    });
  }

  test("opens no disk with the sealed record of another cluster, and sends its KMS nothing but that record", async () => {
    await initialised();
    // The attacker initialises this very machine with a KMS of their own, and keeps the record that it sealed.
    const attacker = memoryKms();
    const victim = { platter: node.disk.platter, state: readFileSync(node.root + PATHS.nodeState, "utf8") };
    await node.disk.wipe();
    node.reboot();
    node.externalKms = { kms: attacker.kms, store: undefined };
    const other = start();
    await knock(request((r) => r.masterSecret.fill(9)));
    await other;
    const stolen = node.disk.recovery.slice();
    node.disk.platter = victim.platter;
    node.write(PATHS.nodeState, victim.state);
    node.disk.recovery.set(stolen);
    node.reboot();
    const asked = attacker.unwraps;
    void start();
    await said("the record was swapped");
    await said("not possible");
    assert.equal(attacker.unwraps, asked + 1, "its own envelope, once");
    assert.equal(node.disk.mapping, false);
    assert.equal(node.tpm.marker, "00".repeat(32));
  });

  test("opens no disk of the host's in a boot that has opened its victim's record", async () => {
    await initialised();
    const sealed = node.disk.recovery.slice();
    // The host initialises this very machine for a cluster of its own, and puts the victim's record onto that disk.
    await node.disk.wipe();
    node.reboot();
    const own = start();
    const secrets = (r: InitRequest): void => void r.masterSecret.fill(9);
    assert.equal((await knock(request(secrets))).at(-1)?.kind, "success");
    await own;
    node.disk.recovery.set(sealed);
    node.reboot();
    const port = await freePort();
    void start({ recover: port });
    await said("not possible");
    const appraiser = { appraise: () => Promise.resolve(undefined) };
    const target = { host: "127.0.0.1", port, purpose: "recover", timeoutMs: 10_000 };
    const { socket } = await connectAtls({ ...target, attester: ANONYMOUS, appraiser }, stop.signal);
    const { client, close } = createAtlsClient(RecoverService, { socket, timeoutMs: 10_000 });
    const { masterSecret, masterSecretSalt, measurementSalt } = request(secrets);
    await assert.rejects(
      client.recover({ masterSecret, masterSecretSalt, measurementSalt }),
      /wanted the one that this agent has asked for secrets/,
    );
    await close();
    assert.equal(node.disk.mapping, false);
    assert.equal(node.tpm.marker, "00".repeat(32));
  });

  test("seals anew after a change of the image, once its disk was opened otherwise", async () => {
    await initialised();
    const before = node.disk.recovery.slice();
    node.reboot();
    sealer.image = "another image";
    // Somebody else gave the key: the disk is open already.
    node.disk.mapping = true;
    await start();
    assert.ok(node.consoleLines.some((line) => line.includes("sealed anew")));
    assert.notDeepEqual(node.disk.recovery, before);
    node.reboot();
    await start();
    assert.ok(node.disk.mapping);
  });

  test("puts its own record back where somebody has changed it", async () => {
    await initialised();
    node.disk.recovery.fill(0);
    node.reboot();
    node.disk.mapping = true;
    await start();
    node.reboot();
    await start();
    assert.ok(node.disk.mapping);
  });
});

function etcdKey(generation: number) {
  return create(EtcdSecretsKeySchema, { generation, key: new Uint8Array(32).fill(generation) });
}

async function untilTrue(holds: () => boolean): Promise<void> {
  while (!holds()) await tick();
}
