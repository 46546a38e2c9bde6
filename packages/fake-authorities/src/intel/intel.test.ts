import assert from "node:assert/strict";
import { before, test } from "node:test";
import { judgeTdx } from "@constellation/evidence";
import { FAKE_ISSUED } from "@constellation/tdx/testing";
import { FAKE_NOW, FakeIntel, type FakeTdxGuest, pinnedTdxPolicy } from "../index.ts";
import { writeTdReport } from "./td-report.ts";

let intel: FakeIntel;

before(async () => {
  intel = await FakeIntel.create();
});

type Quote = Parameters<FakeTdxGuest["quote"]>[0];
type Request = Parameters<FakeIntel["collateral"]>[0];

/** Codes of what refuses a quote under a policy that pins what it says. */
async function codesOf(guest: FakeTdxGuest, quoted: Quote = {}, asked: Request = {}): Promise<string[]> {
  const REPORTDATA = new Uint8Array(64).fill(1);
  const quote = guest.quote({ ...quoted, body: { ...quoted.body, REPORTDATA } });
  const { quote: rules, ...issuers } = pinnedTdxPolicy(intel, quote);
  const policy = { ...issuers, quote: { ...rules, REPORTDATA: { kind: "equal", value: REPORTDATA } as const } };
  const parts = { quote, collateral: await intel.collateral(asked), ccel: guest.ccel };
  const { checks } = judgeTdx(parts, policy, FAKE_NOW);
  const failed = checks.filter((done) => done.outcome === "fail");
  return failed.filter(({ code, got }) => code !== "not_checked" && got !== "not judged").map(({ code }) => code);
}

test("FakeTdxGuest makes genuine quotes of each version, with bodies of TDX 1.0 and 1.5", async () => {
  const guest = await intel.createGuest();
  assert.deepEqual(await codesOf(guest, { version: 4, tdxVersion: "1.0" }), []);
  assert.deepEqual(await codesOf(guest, { version: 5, tdxVersion: "1.0" }), []);
  assert.deepEqual(await codesOf(guest), []);
});

test("FakeIntel certifies platforms by both CAs", async () => {
  const guest = await intel.createGuest({ ca: "processor" });
  assert.deepEqual(await codesOf(guest, {}, { ca: "processor" }), []);
  assert.deepEqual(await codesOf(guest, {}, { ca: "platform" }), ["pck_crl_crl_issuer"]);
});

test("FakeIntel.collateral() revokes platforms and CAs", async () => {
  const guest = await intel.createGuest();
  assert.deepEqual(await codesOf(guest, {}, { revokedPcks: [guest.pck] }), ["pck_certificate_revoked"]);
  const codes = await codesOf(guest, {}, { revokedCas: [intel.cas.platform] });
  assert.ok(codes.includes("pck_ca_revoked"), codes.join(", "));
});

test("FakeIntel.collateral() has CRLs of any age", async () => {
  const guest = await intel.createGuest();
  const earlier = new Date(FAKE_ISSUED.getTime() - 1000);
  for (const [crl, code] of [
    ["rootCaCrl", "root_ca_crl_this_update"],
    ["pckCrl", "pck_crl_this_update"],
  ] as const) {
    assert.deepEqual(await codesOf(guest, {}, { thisUpdate: { [crl]: earlier } }), [code]);
  }
});

test("FakeIntel.collateral() says what it is told to", async () => {
  const guest = await intel.createGuest();
  const tcbInfo = { tcbEvaluationDataNumber: 16 };
  assert.deepEqual(await codesOf(guest, {}, { tcbInfo }), ["tcb_evaluation_data_number"]);
});

test("FakeIntel.createGuest() makes TDs of any claims on any platform", async () => {
  const body = { MROWNER: new Uint8Array(48).fill(7) };
  const guest = await intel.createGuest({ body, pck: { PCESVN: 12 }, events: [["only RTMR0"]] });
  assert.deepEqual(guest.body.MROWNER, body.MROWNER);
  assert.deepEqual(guest.body.RTMR1, new Uint8Array(48));
  assert.deepEqual(await codesOf(guest), ["tcb_status"]);
});

test("writeTdReport() is as long as the specification says", async () => {
  const { body } = await intel.createGuest();
  const report = writeTdReport(body);
  assert.equal(report.length, 1024);
  assert.deepEqual(report.subarray(128, 192), body.REPORTDATA);
  assert.deepEqual(report.subarray(512 + 16, 512 + 64), body.MRTD);
});
