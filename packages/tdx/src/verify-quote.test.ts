import assert from "node:assert/strict";
import { test } from "node:test";
import { derToPem } from "@constellation/x509";
import { hex, utf8 } from "@constellation/bytes";
import { type CollateralInput, parseQuote, type QuoteVerification, verifyQuote } from "./index.ts";
import {
  FAKE_NOW,
  FAKE_PCK,
  failuresOf,
  FakeIntel,
  type FakeQuoteRequest,
  issueCertificate,
  newKeys,
  pckRequest,
  pemChain,
  type Spoilt,
  verifyFake,
} from "./testing/index.ts";

const intel = await FakeIntel.create();
const verify = (spoilt?: Spoilt) => verifyFake(intel, spoilt);

function refuses(title: string, spoilt: Spoilt, ...wanted: readonly string[]): void {
  test(`verifyQuote() refuses ${title}`, () => {
    assert.deepEqual(failuresOf(verify(spoilt).checks), wanted);
  });
}

const other = await FakeIntel.create();
const { pck, platformCa, root } = intel;

test("verifyQuote() accepts quotes of every version with good collateral", () => {
  for (const version of [4, 5] as const) {
    for (const tdxVersion of ["1.0", "1.5"] as const) {
      const { checks, tcb, pck: found } = verify({ quote: { version, tdxVersion, paddingBytes: 9 } });
      assert.ok(checks.every(({ outcome }) => outcome === "pass"));
      assert.equal(checks.length, 44);
      assert.equal(tcb?.tcbStatus, "UpToDate");
      assert.equal(hex(found?.FMSPC ?? new Uint8Array()), hex(FAKE_PCK.FMSPC));
    }
  }
});

test("verifyQuote() names every check once", () => {
  const names = verify().checks.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});

test("verifyQuote() reports checks that could not run as failed", () => {
  const pckCertificateChain = new Uint8Array();
  const { checks, tcb, pck: found } = verify({ quote: { pckCertificateChain } });
  assert.deepEqual(
    checks.map(({ name }) => name),
    verify().checks.map(({ name }) => name),
  );
  const notChecked = checks.filter((check) => check.outcome === "fail" && check.code === "not_checked");
  assert.equal(notChecked.length, checks.length - 4);
  assert.deepEqual([tcb, found], [undefined, undefined]);
});

// Collateral as a whole

function withCollateral(collateral: CollateralInput): QuoteVerification {
  const quote = parseQuote(intel.quote());
  return verifyQuote({ quote, roots: [intel.root.certificate], now: FAKE_NOW, collateral });
}

test("verifyQuote() refuses where collateral is wanted and missing", () => {
  assert.deepEqual(failuresOf(withCollateral({ kind: "missing" }).checks), ["collateral: collateral_missing"]);
});

test("verifyQuote() judges the quote alone by choice", () => {
  const { checks, tcb, pck: found } = withCollateral({ kind: "none", reason: "no network" });
  assert.deepEqual(
    checks.map(({ outcome }) => outcome),
    ["pass", "pass", "pass", "pass", "pass", "pass", "pass", "accepted-by-choice"],
  );
  assert.equal(tcb, undefined);
  assert.equal(found?.TCB.PCESVN, FAKE_PCK.PCESVN);
});

// PCK certificate chain

const spareCa = await issueCertificate({ commonName: "Intel SGX PCK Platform CA", issuer: other.root, isCa: true });
const renewedRoot = await issueCertificate({ commonName: "Intel SGX Root CA", keys: intel.root.keys, isCa: true });

async function pckWith(request: Partial<Parameters<typeof issueCertificate>[0]>): Promise<Partial<FakeQuoteRequest>> {
  const issued = await issueCertificate({ ...pckRequest(platformCa), ...request });
  return { pckKeys: issued.keys, pckCertificateChain: intel.pckChain(issued) };
}

refuses(
  "no PCK chain",
  { quote: { pckCertificateChain: new Uint8Array() } },
  "pckCertificateChain.format: pck_chain_format",
);
refuses(
  "a chain without its root",
  { quote: { pckCertificateChain: pemChain(intel.pck, platformCa) } },
  "pckCertificateChain.format: pck_chain_count",
);
refuses(
  "a PCK certificate that the root issued itself",
  { quote: await pckWith({ issuer: root }) },
  "pckCertificateChain.chain: pck_chain_order",
);
refuses(
  "a chain that ends in another certificate of the root",
  { quote: { pckCertificateChain: intel.pckChain(intel.pck, platformCa, renewedRoot) } },
  "pckCertificateChain.chain: pck_chain_order",
);
refuses("a platform under another root", { roots: [other.root] }, "pckCertificateChain.chain: pck_chain_signature");
refuses(
  "every platform where no root is trusted",
  { roots: [] },
  "pckCertificateChain.chain: pck_chain_issuer_unknown",
);
refuses(
  "a CA that another root made",
  { quote: { pckCertificateChain: intel.pckChain(intel.pck, spareCa) } },
  "pckCertificateChain.chain: pck_chain_signature",
);
refuses(
  "a PCK certificate that has ended",
  { quote: await pckWith({ notAfter: new Date("2025-12-31T00:00:00Z") }) },
  "pckCertificateChain.chain: pck_chain_expired",
);
refuses(
  "a PCK certificate that has not begun",
  { quote: await pckWith({ notBefore: new Date("2026-01-02T00:00:00Z") }) },
  "pckCertificateChain.chain: pck_chain_not_yet_valid",
);
refuses(
  "everything by a clock without time",
  { now: new Date(Number.NaN) },
  "pckCertificateChain.chain: pck_chain_clock",
);
refuses(
  "a certificate of another name as PCK certificate",
  { quote: await pckWith({ commonName: "Intel SGX TCB Signing" }) },
  "pckCertificateChain.subject: pck_chain_subject",
);
refuses(
  "a CA as PCK certificate",
  { quote: await pckWith({ isCa: true }) },
  "pckCertificateChain.subject: pck_chain_subject",
);
const namelessCa = await issueCertificate({ commonName: "Intel SGX TCB Signing", issuer: root, isCa: true });
const strayPck = await issueCertificate(pckRequest(namelessCa));
refuses(
  "a PCK certificate of a CA of another name",
  { quote: { pckKeys: strayPck.keys, pckCertificateChain: intel.pckChain(strayPck, namelessCa) } },
  "pckCertificateChain.subject: pck_chain_subject",
);
const plainPck = await issueCertificate({ commonName: "Intel SGX PCK Certificate", issuer: platformCa });
refuses(
  "a PCK certificate without SGX extensions",
  { quote: { pckKeys: plainPck.keys, pckCertificateChain: intel.pckChain(plainPck) } },
  "pckCertificate.sgxExtensions: pck_extensions",
);

// Quote and QE report

refuses(
  "a QE report that another key signed",
  { quote: { pckKeys: newKeys() } },
  "qeReport.signature: qe_report_signature",
);
refuses(
  "a QE report that is not about the attestation key",
  { quote: { qeReport: { REPORTDATA: new Uint8Array(64) } } },
  "qeReport.REPORTDATA: qe_report_data",
);
const attestationKeys = newKeys();
const REPORTDATA = parseQuote(intel.quote({ attestationKeys })).qeReport.REPORTDATA.slice();
REPORTDATA[63] = 1;
refuses(
  "a QE report with more than the hash in its report data",
  { quote: { attestationKeys, qeReport: { REPORTDATA } } },
  "qeReport.REPORTDATA: qe_report_data",
);
const attestationKey = parseQuote(intel.quote()).attestationKey;
refuses("a quote that another key signed", { quote: { attestationKey } }, "quote.signature: quote_signature");
refuses(
  "an attestation key that is no point of its curve",
  { quote: { attestationKey: new Uint8Array(64).fill(1) } },
  "quote.signature: quote_signature",
);

test("verifyQuote() reads a chain with one zero byte after it", () => {
  const pckCertificateChain = new Uint8Array([...intel.pckChain(), 0]);
  assert.deepEqual(failuresOf(verify({ quote: { pckCertificateChain } }).checks), []);
});

test("verifyQuote() reads PEM as others write it", () => {
  const chain = [pck, platformCa, root].map(({ certificate }) => derToPem(certificate.der)).join("\n");
  const pckCertificateChain = utf8(chain.replaceAll("\n", "\r\n"));
  assert.deepEqual(failuresOf(verify({ quote: { pckCertificateChain } }).checks), []);
});

test("verifyQuote() hands on errors that are not the evidence's", () => {
  const nothing = undefined as never;
  const quote = parseQuote(intel.quote());
  const roots = [root.certificate];
  const collateral: CollateralInput = { kind: "given", ...intel.collateral() };
  const good = { quote, roots, now: FAKE_NOW, collateral };
  const wrong = [
    { ...good, quote: { ...quote, pckCertificateChain: nothing } },
    { ...good, quote: { ...quote, attestationKey: nothing } },
    { ...good, roots: nothing },
    { ...good, collateral: { ...collateral, tcbInfo: nothing } },
    { ...good, collateral: { ...collateral, rootCaCrl: nothing } },
  ];
  for (const input of wrong) assert.throws(() => verifyQuote(input), TypeError);
});
