import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { utf8 } from "@constellation/bytes";
import type { Collateral } from "@constellation/tdx";
import { FakeIntel, verifyFake } from "@constellation/tdx/testing";
import { CachingClient } from "../cache/caching-client.ts";
import { DEFAULT_LIMITS } from "../http/limits.ts";
import { refusal } from "../testing/errors.ts";
import { encoded, FakePcs, PCS_PATHS } from "../testing/fake-pcs.ts";
import type { FakeAnswer } from "../testing/fake-server.ts";
import { says } from "../testing/fake-server.ts";
import { FAKE_TDX, FakeWorld } from "../testing/world.ts";
import { INTEL_PCS, pccs, PcsClient, type PcsService, type TcbEvaluation } from "./pcs.ts";

const DAY_MS = 86_400_000;
const NEVER = new AbortController().signal;
const STANDARD: TcbEvaluation = { kind: "update", update: "standard" };
const intel = await FakeIntel.create();
const pcs = await FakePcs.start(intel);
const { server } = pcs;
const collateral = intel.collateral();
after(() => server.close());
beforeEach(() => {
  server.reset();
  pcs.publish(FAKE_TDX, collateral);
});

interface Changes {
  readonly world?: FakeWorld;
  readonly service?: PcsService;
  readonly evaluation?: TcbEvaluation;
}

function newClient({ world = new FakeWorld(), service = pcs.service, evaluation = STANDARD }: Changes = {}): PcsClient {
  return new PcsClient(new CachingClient({ cache: "use", limits: DEFAULT_LIMITS }, world), service, evaluation);
}

function get(changes?: Changes): Promise<Collateral> {
  return newClient(changes).collateral(FAKE_TDX, NEVER);
}

function asked(): string[] {
  return server.requests.map(({ path }) => path);
}

test("PcsClient.collateral() gives what Intel publishes, byte for byte", async () => {
  const got = await get();
  assert.deepEqual(got, collateral);
  assert.deepEqual(asked(), [
    "/tdx/certification/v4/tcb?fmspc=b0c06f000000&update=standard",
    "/tdx/certification/v4/qe/identity?update=standard",
    "/sgx/certification/v4/pckcrl?ca=platform&encoding=der",
    "/IntelSGXRootCA.der",
  ]);
  assert.ok(verifyFake(intel, { collateral: got }).genuine);
});

test("PcsClient.collateral() takes the root CA's CRL in hexadecimal from a PCCS", async () => {
  assert.deepEqual(await get({ service: pccs(`${server.url}/`) }), collateral);
  assert.equal(asked().at(-1), "/sgx/certification/v4/rootcacrl");
});

test("PcsClient.collateral() asks for the CRL of the CA that it is told", async () => {
  const platform = { ...FAKE_TDX, ca: "processor" } as const;
  pcs.publish(platform, collateral);
  await newClient().collateral(platform, NEVER);
  assert.equal(asked()[2], "/sgx/certification/v4/pckcrl?ca=processor&encoding=der");
});

test("PcsClient.collateral() asks for another evaluation", async () => {
  const evaluations: [TcbEvaluation, string][] = [
    [{ kind: "update", update: "early" }, "update=early"],
    [{ kind: "tcbEvaluationDataNumber", tcbEvaluationDataNumber: 17 }, "tcbEvaluationDataNumber=17"],
  ];
  for (const [evaluation, query] of evaluations) {
    server.reset();
    pcs.publish(FAKE_TDX, collateral, query);
    assert.deepEqual(await get({ evaluation }), collateral);
    assert.deepEqual(asked().slice(0, 2), [PCS_PATHS.tcb(FAKE_TDX, query), PCS_PATHS.qeIdentity(query)]);
  }
  for (const tcbEvaluationDataNumber of [-1, 1.5, Number.NaN]) {
    const evaluation: TcbEvaluation = { kind: "tcbEvaluationDataNumber", tcbEvaluationDataNumber };
    assert.throws(() => newClient({ evaluation }), refusal("platform_invalid"));
  }
});

test("PcsClient keeps answers until what they say is over, and asks about long-lived ones after a week", async () => {
  const world = new FakeWorld();
  const askedAfter = async (timeMs: number) => {
    server.reset();
    world.pass(timeMs);
    await get({ world });
    return asked();
  };
  const paths = [PCS_PATHS.tcb(FAKE_TDX), PCS_PATHS.qeIdentity(), PCS_PATHS.pckCrl("platform"), PCS_PATHS.rootCaCrl];
  assert.deepEqual(await askedAfter(0), paths);
  assert.deepEqual(await askedAfter(7 * DAY_MS - 1), []);
  assert.deepEqual(await askedAfter(1), paths);
  // TCB info and QE identity end on 2026-01-15.
  world.store.entries.clear();
  world.time = new Date("2026-01-10T00:00:00Z");
  await get({ world });
  server.reset();
  world.time = new Date("2026-01-15T00:00:00Z");
  await get({ world });
  assert.deepEqual(asked(), paths.slice(0, 2));
});

test("PcsClient refuses answers and issuer chains that are not what was asked for", async () => {
  const chain = encoded(collateral.tcbInfoIssuerChain);
  const tcb = PCS_PATHS.tcb(FAKE_TDX);
  const headed = (header: string, value: string, body: Uint8Array): FakeAnswer => ({
    headers: { [header]: value },
    body,
  });
  const refusals: [string, FakeAnswer, string][] = [
    [tcb, { body: collateral.tcbInfo }, "issuer chain of TDX TCB info of FMSPC b0c06f000000 failed: got no header"],
    [tcb, headed("TCB-Info-Issuer-Chain", "%E0%A4%A", collateral.tcbInfo), "wanted URL-encoded PEM"],
    [tcb, headed("TCB-Info-Issuer-Chain", "none", collateral.tcbInfo), "wanted PEM certificates"],
    [tcb, headed("TCB-Info-Issuer-Chain", chain, utf8("{}")), "Read TDX TCB info of FMSPC b0c06f000000 failed"],
    [tcb, headed("SGX-TCB-Info-Issuer-Chain", chain, collateral.tcbInfo), "got no header"],
    [
      PCS_PATHS.qeIdentity(),
      headed("SGX-Enclave-Identity-Issuer-Chain", chain, collateral.tcbInfo),
      "Read TDX QE identity",
    ],
    [
      PCS_PATHS.pckCrl("platform"),
      headed("SGX-PCK-CRL-Issuer-Chain", chain, utf8("no CRL")),
      "Read PCK CRL of the platform CA",
    ],
    [PCS_PATHS.rootCaCrl, { body: utf8("3") }, "Read CRL of Intel's root CA"],
  ];
  for (const [path, answer, part] of refusals) {
    pcs.publish(FAKE_TDX, collateral);
    server.set(path, answer);
    const world = new FakeWorld();
    await assert.rejects(get({ world }), refusal("malformed", part));
    assert.equal(world.store.entries.has(`${server.url}${path}`), false);
  }
});

test("PcsClient refuses platforms and evaluations that Intel does not have", async () => {
  const unknown = { ...FAKE_TDX, fmspc: new Uint8Array(6) };
  await assert.rejects(newClient().collateral(unknown, NEVER), refusal("unknown_platform", "FMSPC 000000000000"));
  server.failNext(says(410));
  await assert.rejects(get(), refusal("evaluation_gone"));
  const short = { ...FAKE_TDX, fmspc: new Uint8Array(5) };
  await assert.rejects(newClient().collateral(short, NEVER), refusal("platform_invalid", "FMSPC of 5 bytes"));
});

test("PcsClient refuses services over plain http", () => {
  assert.throws(() => pccs("http://pccs.example"), refusal("url_refused"));
  for (const changed of [{ baseUrl: "http://pcs.example" }, { rootCaCrlUrl: "http://crl.example/root.der" }]) {
    assert.throws(() => newClient({ service: { ...INTEL_PCS, ...changed } }), refusal("url_refused"));
  }
});
