import assert from "node:assert/strict";
import { test } from "node:test";
import { FAKE_NOW, failuresOf, FakeIntel, issueCertificate, pemChain } from "./testing/index.ts";
import { parseTcbInfo } from "./tcb-info.ts";
import { documentChecks, verifySignedDocument } from "./verify-signed-document.ts";

const intel = await FakeIntel.create();
const { tcbInfo, tcbInfoIssuerChain } = intel.collateral();
const SPEC = { name: "tcbInfo", code: "tcb_info", parse: parseTcbInfo } as const;

const verify = (chain = tcbInfoIssuerChain, now = FAKE_NOW) =>
  verifySignedDocument(SPEC, tcbInfo, chain, intel.root.certificate, now);

test("verifySignedDocument() gives a document and its signer", () => {
  const { checks, document, signer } = verify();
  assert.ok(checks.every(({ outcome }) => outcome === "pass"));
  assert.deepEqual(new Set(checks.map(({ name }) => name)), new Set(documentChecks("tcbInfo")));
  assert.equal(document?.tcbEvaluationDataNumber, 17);
  assert.equal(signer?.subject.text, intel.tcbSigning.certificate.subject.text);
});

test("verifySignedDocument() gives nothing that another key signed", async () => {
  const other = await issueCertificate({ commonName: "Intel SGX TCB Signing", issuer: intel.root });
  const { checks, document, signer } = verify(pemChain(other, intel.root));
  assert.deepEqual(failuresOf(checks), ["tcbInfo.signature: tcb_info_signature"]);
  assert.deepEqual([document, signer], [undefined, undefined]);
});

test("verifySignedDocument() judges the time to the millisecond", () => {
  const at = (text: string) => failuresOf(verify(tcbInfoIssuerChain, new Date(text)).checks);
  assert.deepEqual(at("2025-12-14T23:59:59.999Z"), ["tcbInfo.validity: tcb_info_not_yet_valid"]);
  assert.deepEqual(at("2025-12-15T00:00:00.000Z"), []);
  assert.deepEqual(at("2026-01-15T00:00:00.000Z"), []);
  assert.deepEqual(at("2026-01-15T00:00:00.001Z"), ["tcbInfo.validity: tcb_info_expired"]);
});

test("verifySignedDocument() says at what time it judged, and when the document is current", () => {
  const shown = (now: Date) => {
    const found = verify(tcbInfoIssuerChain, now).checks.find(({ name }) => name === "tcbInfo.validity");
    return [found?.got, found?.wanted];
  };
  const wanted = "2025-12-15T00:00:00.000Z to 2026-01-15T00:00:00.000Z";
  assert.deepEqual(shown(FAKE_NOW), ["2026-01-01T00:00:00.000Z", wanted]);
  assert.deepEqual(shown(new Date(Number.NaN)), ["Invalid Date", wanted]);
});

test("verifySignedDocument() refuses everything by a clock without time", () => {
  assert.deepEqual(failuresOf(verify(tcbInfoIssuerChain, new Date(Number.NaN)).checks), [
    "tcbInfoIssuerChain.chain: tcb_info_chain_clock",
    "tcbInfo.validity: tcb_info_not_yet_valid",
  ]);
});
