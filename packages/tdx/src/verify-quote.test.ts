import assert from "node:assert/strict";
import { test } from "node:test";
import { derToPem, parseCertificate } from "@constellation/x509";
import { hex, utf8 } from "@constellation/bytes";
import { type CollateralInput, parseQuote, VERIFY_CHECKS, type VerifiedQuote, verifyQuote } from "./index.ts";
import {
  FAKE_BODY,
  FAKE_PCK,
  failuresOf,
  fakeEvidence,
  FakeIntel,
  type FakeQuoteRequest,
  type Identity,
  issueCertificate,
  newKeys,
  pckRequest,
  pemChain,
  type Spoilt,
  verifyFake,
  verifyGenuineFake,
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
      const verified = verifyGenuineFake(intel, { quote: { version, tdxVersion, paddingBytes: 9 } });
      assert.ok(verified.checks.every(({ outcome }) => outcome === "pass"));
      assert.equal(verified.tcb?.tcbStatus, "UpToDate");
      assert.equal(hex(verified.pck.FMSPC), hex(FAKE_PCK.FMSPC));
      assert.equal(hex(verified.quote.body.MRTD), hex(FAKE_BODY.MRTD));
    }
  }
});

const namesOf = ({ checks }: VerifiedQuote) => checks.map(({ name }) => name);
const notChecked = ({ checks }: VerifiedQuote) =>
  checks.flatMap((check) => (check.outcome === "fail" && check.code === "not_checked" ? [check.name] : []));

test("verifyQuote() names every check once, in one order", () => {
  assert.equal(new Set(VERIFY_CHECKS).size, 45);
  assert.deepEqual(namesOf(verify()), VERIFY_CHECKS);
});

test("verifyQuote() says what every check speaks for", () => {
  const special = { collateral: "hardware.authority" } as Readonly<Record<string, string>>;
  for (const { name, speaksFor } of verify().checks) {
    const usual = name.startsWith("tcb.") ? "hardware.firmware" : "hardware.genuine";
    assert.equal(speaksFor, special[name] ?? usual, name);
  }
});

test("verifyQuote() reports checks that could not run as failed", () => {
  const verified = verify({ quote: { pckCertificateChain: new Uint8Array() } });
  assert.deepEqual(namesOf(verified), VERIFY_CHECKS);
  const ran = ["quote", "pckCertificateChain.format", "qeReport.REPORTDATA", "quote.signature", "collateral"];
  assert.deepEqual(
    notChecked(verified),
    VERIFY_CHECKS.filter((name) => !ran.includes(name)),
  );
  assert.deepEqual(Object.keys(verified), ["genuine", "checks"]);
});

test("verifyQuote() takes a quote that is parsed already", () => {
  const evidence = fakeEvidence(intel);
  const quote = parseQuote(intel.quote());
  assert.equal(verifyQuote({ ...evidence, quote }).quote, quote);
  const spoilt = { ...quote, signed: new Uint8Array(quote.signed.length) };
  const verified = verifyQuote({ ...evidence, quote: spoilt });
  assert.deepEqual(failuresOf(verified.checks), ["quote.signature: quote_signature"]);
  assert.deepEqual(Object.keys(verified), ["genuine", "checks"]);
});

test("verifyQuote() reports bytes that are no quote", () => {
  const verified = verifyQuote({ ...fakeEvidence(intel), quote: new Uint8Array(3) });
  assert.deepEqual(failuresOf(verified.checks), ["quote: quote_length"]);
  assert.deepEqual(
    notChecked(verified),
    VERIFY_CHECKS.filter((name) => name !== "quote" && name !== "collateral"),
  );
});

// Collateral as a whole

function withCollateral(collateral: CollateralInput): VerifiedQuote {
  return verifyQuote({ ...fakeEvidence(intel), collateral });
}

test("verifyQuote() refuses where collateral is wanted and missing", () => {
  const verified = withCollateral({ kind: "missing" });
  assert.deepEqual(failuresOf(verified.checks), ["collateral: collateral_missing"]);
  assert.deepEqual(namesOf(verified), VERIFY_CHECKS);
});

test("verifyQuote() judges the quote alone by choice", () => {
  const verified = withCollateral({ kind: "none", reason: "no network" });
  assert.ok(verified.genuine);
  assert.deepEqual(
    verified.checks.map(({ outcome }) => outcome),
    ["pass", "pass", "pass", "pass", "pass", "pass", "pass", "pass", "accepted-by-choice"],
  );
  assert.equal(verified.tcb, undefined);
  assert.equal(verified.pck.TCB.PCESVN, FAKE_PCK.PCESVN);
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

/** Evidence in which all chains end in this certificate of the root. */
function endingIn(end: Identity): Spoilt {
  const signerChain = pemChain(intel.tcbSigning, end);
  return {
    quote: { pckCertificateChain: intel.pckChain(pck, platformCa, end) },
    collateral: {
      tcbInfoIssuerChain: signerChain,
      qeIdentityIssuerChain: signerChain,
      pckCrlIssuerChain: pemChain(platformCa, end),
    },
  };
}

/** The certificate with the last bit of its signature changed. */
function damaged({ keys, certificate }: Identity): Identity {
  const der = Uint8Array.from(certificate.der);
  der[der.length - 1] = (der.at(-1) as number) ^ 1;
  return { keys, pem: derToPem(der), certificate: parseCertificate(der) };
}

const OTHER_ROOT = "pckCertificateChain.chain: pck_chain_order";

test("verifyQuote() accepts chains that end in another certificate of the root's name and key", () => {
  assert.deepEqual(failuresOf(verify(endingIn(renewedRoot)).checks), []);
  assert.deepEqual(failuresOf(verify({ roots: [renewedRoot] }).checks), []);
});
const namesake = await issueCertificate({ commonName: "Intel SGX Root CA", isCa: true });
const renamedRoot = await issueCertificate({ commonName: "Intel SGX Root", keys: root.keys, isCa: true });
refuses("chains that end in a certificate of the root's name and another key", endingIn(namesake), OTHER_ROOT);
refuses("chains that end in a certificate of the root's key and another name", endingIn(renamedRoot), OTHER_ROOT);
refuses("chains that end in a damaged certificate of the root", endingIn(damaged(renewedRoot)), OTHER_ROOT);
refuses("every platform under a pinned root that is damaged", { roots: [damaged(root)] }, OTHER_ROOT);
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
const nameless = await pckWith({ commonName: "" });
refuses("a PCK certificate without a name", { quote: nameless }, "pckCertificateChain.subject: pck_chain_subject");
const strayCa = await issueCertificate({ commonName: "Intel SGX TCB Signing", issuer: root, isCa: true });
const strayPck = await issueCertificate(pckRequest(strayCa));
refuses(
  "a PCK certificate of a CA of another name",
  { quote: { pckKeys: strayPck.keys, pckCertificateChain: intel.pckChain(strayPck, strayCa) } },
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
const onAnotherCurve = await pckWith({ keys: newKeys("P-521") });
refuses(
  "a QE report under a PCK of another kind",
  { quote: { pckCertificateChain: onAnotherCurve.pckCertificateChain as Uint8Array } },
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

test("verifyQuote() takes a certificate without basic constraints for none of a CA", async () => {
  const quote = await pckWith({ hasBasicConstraints: false });
  assert.deepEqual(failuresOf(verify({ quote }).checks), []);
});

test("verifyQuote() reads PEM as others write it", () => {
  const chain = [pck, platformCa, root].map(({ certificate }) => derToPem(certificate.der)).join("\n");
  const pckCertificateChain = utf8(chain.replaceAll("\n", "\r\n"));
  assert.deepEqual(failuresOf(verify({ quote: { pckCertificateChain } }).checks), []);
});

test("verifyQuote() hands on errors that are not the evidence's", () => {
  const nothing = undefined as never;
  const good = fakeEvidence(intel);
  const wrong = [
    { ...good, quote: nothing },
    { ...good, roots: nothing },
    fakeEvidence(intel, { collateral: { tcbInfo: nothing } }),
    fakeEvidence(intel, { collateral: { rootCaCrl: nothing } }),
  ];
  for (const input of wrong) assert.throws(() => verifyQuote(input), TypeError);
});
