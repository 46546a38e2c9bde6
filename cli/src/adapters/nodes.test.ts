import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { ANONYMOUS, type Attester } from "@constellation/atls";
import { appraise, PCR_INDICES, type QemuVtpmPolicy } from "@constellation/attestation";
import { MasterSecret, Secret } from "@constellation/keys";
import {
  type InitRequest,
  InitService,
  NodeRole,
  RecoverService,
  serveAtls,
  serveTcp,
  VerifyService,
} from "@constellation/rpc";
import { createFakeTpmCa, FAKE_NOW, fakeEventLog } from "@constellation/testkit/fake-tpm";
import { CliError } from "../errors.ts";
import type { Endorser, Endpoint, InitEvent, InitParameters } from "../ports/cluster.ts";
import { appraiser } from "./appraiser.ts";
import { attestedNodes } from "./nodes.ts";

const ca = await createFakeTpmCa();
const tpm = await ca.createTpm();
const attester: Attester = { issue: async (reportData) => tpm.evidence({ reportData }) };
const nodes = attestedNodes(() => FAKE_NOW);
const signal = AbortSignal.timeout(60_000);
const SECRET = new Uint8Array(32).fill(0x5e);

type Handler = (request: InitRequest) => AsyncIterable<Record<string, unknown>>;

function policyOf(changes: Record<string, string> = {}): QemuVtpmPolicy {
  const { pcrs } = fakeEventLog();
  const rules = PCR_INDICES.map((index) => {
    const value = Buffer.from(pcrs.get(Number(index)) ?? new Uint8Array(32)).toString("hex");
    return [index, { kind: "equal", anyOf: [changes[index] ?? value] }];
  });
  return {
    variant: "qemu-vtpm",
    endorsementRoots: [ca.certificatePem],
    pcrs: Object.fromEntries(rules) as QemuVtpmPolicy["pcrs"],
    endorsements: { kind: "anyOf", ekDigests: [tpm.ekDigest] },
  };
}

const parameters: InitParameters = {
  clusterName: "mini",
  masterSecret: new MasterSecret(SECRET),
  masterSecretSalt: new Uint8Array(32).fill(2),
  measurementSalt: new Uint8Array(32).fill(3),
  kubernetesVersion: "v1.36.4",
  serviceCidr: "10.96.0.0/12",
  apiServerCertSans: ["127.9.9.1"],
  nodes: [{ name: "worker-0", role: "worker", nodeGroup: "", ekDigest: "ab".repeat(32), diskUUID: "u", address: "" }],
  policy: policyOf(),
  registryMirrors: { "docker.io": ["http://10.42.0.1:5000"] },
  timingProfile: "patient",
  keyManagement: {
    kms: "kms://kmip?address=kms.example.org&caFile=/credentials/ca",
    storage: "",
    credentials: new Map([["ca", new Secret(new Uint8Array([1, 2, 3]))]]),
  },
};

async function initServer(t: TestContext, handler: Handler, purpose = "init"): Promise<Endpoint> {
  const server = await serveAtls<typeof ANONYMOUS>({
    host: "127.0.0.1",
    port: 0,
    purpose,
    attester,
    appraiser: ANONYMOUS,
    handshakeTimeoutMs: 30_000,
    maxPending: 4,
    routes: (router) => router.service(InitService, { init: handler as never }),
  });
  t.after(() => server.close());
  return { host: "127.0.0.1", port: server.address.port };
}

/** Evidence of local machines has no endorsements of vendors. */
const endorse: Endorser = () => Promise.reject(new Error("nobody may be asked for endorsements"));

function callWith(policy: QemuVtpmPolicy): {
  policy: QemuVtpmPolicy;
  endorse: Endorser;
  signal: AbortSignal;
  events: InitEvent[];
  onEvent: (event: InitEvent) => void;
} {
  const events: InitEvent[] = [];
  return { policy, endorse, signal, events, onEvent: (event) => void events.push(event) };
}

const coded = (code: string, pattern: RegExp) => (error: unknown) =>
  error instanceof CliError && error.code === code && pattern.test(`${error.message} ${String(error.cause)}`);

test("init sends everything to a node whose evidence is accepted, and gives its events and result", async (t) => {
  let seen: InitRequest | undefined;
  const endpoint = await initServer(t, async function* (request) {
    seen = request;
    yield { event: { case: "progress", value: { step: "disk", text: "Encrypt disk" } } };
    yield { event: { case: "log", value: { data: new Uint8Array([1]) } } };
    yield { event: { case: "success", value: { kubeconfig: new Uint8Array([97]), clusterId: new Uint8Array(32) } } };
  });
  const call = callWith(policyOf());
  assert.deepEqual(await nodes.init(endpoint, parameters, call), { kubeconfig: "a", clusterId: new Uint8Array(32) });
  assert.deepEqual(
    call.events.map(({ kind }) => kind),
    ["accepted", "progress", "log"],
  );
  assert.deepEqual(seen?.masterSecret, SECRET);
  assert.equal(seen?.nodes[0]?.role, NodeRole.WORKER);
  assert.equal(seen?.registryMirrors[0]?.registry, "docker.io");
  assert.equal(seen?.timingProfile, "patient");
  assert.deepEqual(
    seen?.keyManagement?.credentials.map(({ name, data }) => [name, [...data]]),
    [["ca", [1, 2, 3]]],
  );
});

test("init sends nothing to a node whose evidence is refused, and names the register", async (t) => {
  let called = false;
  const endpoint = await initServer(t, async function* () {
    called = true;
    yield {};
  });
  const call = callWith(policyOf({ 4: "11".repeat(32) }));
  await assert.rejects(nodes.init(endpoint, parameters, call), coded("untrusted", /check "pcr\[4\]"/));
  assert.equal(called, false);
  assert.deepEqual(call.events, []);
});

test("init refuses a server of another purpose", async (t) => {
  const endpoint = await initServer(t, async function* () {}, "join");
  await assert.rejects(nodes.init(endpoint, parameters, callWith(policyOf())), coded("untrusted", /purpose/));
});

test("init tells a failure of the node from a connection that broke", async (t) => {
  const failing = await initServer(t, async function* () {
    yield { event: { case: "failure", value: { code: "kubeadm", message: "no" } } };
  });
  await assert.rejects(nodes.init(failing, parameters, callWith(policyOf())), coded("init-failed", /"kubeadm": no/));
  const silent = await initServer(t, async function* () {});
  await assert.rejects(nodes.init(silent, parameters, callWith(policyOf())), coded("unreachable", /without a result/));
});

test("init says that a port nobody listens on can be tried again, and so a peer that hangs up", async (t) => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const call = callWith(policyOf());
  await assert.rejects(nodes.init({ host: "127.0.0.1", port }, parameters, call), coded("unreachable", /./));
  await new Promise((resolve) => server.close(resolve));
  await assert.rejects(nodes.init({ host: "127.0.0.1", port }, parameters, call), coded("unreachable", /./));
  t.assert.deepEqual(call.events, []);
});

test("recover hands over the secret, of all generations, and only after the evidence was accepted", async (t) => {
  const seen: Uint8Array[][] = [];
  const server = await serveAtls<typeof ANONYMOUS>({
    host: "127.0.0.1",
    port: 0,
    purpose: "recover",
    attester,
    appraiser: ANONYMOUS,
    handshakeTimeoutMs: 30_000,
    maxPending: 4,
    routes: (router) =>
      router.service(RecoverService, {
        recover: (request) => {
          seen.push([request.masterSecret, ...request.rotated.map((entry) => entry.masterSecret)]);
          return {};
        },
      }),
  });
  t.after(() => server.close());
  const endpoint = { host: "127.0.0.1", port: server.address.port };
  const refusing = { policy: policyOf({ 11: "22".repeat(32) }), endorse, signal };
  const second = new Uint8Array(32).fill(4);
  const rotated = [{ generation: 2, master: new MasterSecret(second), salt: second }];
  const secrets = { ...parameters, rotated };
  await assert.rejects(nodes.recover(endpoint, secrets, refusing), coded("untrusted", /pcr\[11\]/));
  assert.equal(seen.length, 0);
  await nodes.recover(endpoint, secrets, { policy: policyOf(), endorse, signal });
  assert.deepEqual(seen, [[SECRET, second]]);
});

test("evidence is bound to the nonce: appraise() accepts it with that nonce and no other", async (t) => {
  const server = await serveTcp({
    host: "127.0.0.1",
    port: 0,
    routes: (router) =>
      router.service(VerifyService, {
        getEvidence: ({ nonce }) => ({
          evidence: tpm.evidence({
            reportData: createHash("sha512").update("constellation/verify/v1").update(nonce).digest(),
          }),
        }),
      }),
  });
  t.after(() => server.close());
  const nonce = new Uint8Array(32).fill(9);
  const evidence = await nodes.evidence({ host: "127.0.0.1", port: server.address.port }, nonce, signal);
  assert.equal(appraiser.appraise(evidence, policyOf(), { nonce, now: FAKE_NOW }).accepted, true);
  const other = new Uint8Array(32).fill(8);
  assert.equal(appraiser.appraise(evidence, policyOf(), { nonce: other, now: FAKE_NOW }).accepted, false);
  assert.equal(appraise(evidence, policyOf(), { reportData: new Uint8Array(64), now: FAKE_NOW }).accepted, false);
});

test("evidence from a port nobody listens on can be tried again", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const nonce = new Uint8Array(32);
  const got = nodes.evidence({ host: "127.0.0.1", port }, nonce, signal);
  await assert.rejects(got, coded("unreachable", /Get evidence failed/));
});
