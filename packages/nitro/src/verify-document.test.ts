import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { encode } from "@constellation/cose/testing/cbor";
import { parseCertificate } from "@constellation/x509";
import { NOT_AFTER, NOT_BEFORE, p256, p384, rsa } from "@constellation/x509/testing/certificate-writer";
import { type Changes, FakeNitro, pcr, usage } from "./testing/fake-nitro.ts";
import { VERIFY_CHECKS, verifyDocument } from "./verify-document.ts";

const aws = new FakeNitro();

/** Names and codes of the checks that fail, after a look that all are told and in order. */
function failuresOf(changes: Changes, authority = aws): string[] {
  const verified = verifyDocument(authority.evidence(changes));
  assert.deepEqual(
    verified.checks.map(({ name }) => name),
    VERIFY_CHECKS,
  );
  const failed = verified.checks.flatMap((check) => (check.outcome === "fail" ? [`${check.name}: ${check.code}`] : []));
  assert.equal(verified.genuine, failed.length === 0);
  assert.equal("document" in verified, verified.genuine);
  return failed;
}

const FAKE_CHAIN = ["i-1.enclave", "instance", "region", "aws.nitro-enclaves"].map(
  (commonName) => `OU=Constellation FAKE, CN=${commonName}`,
);

test("verifyDocument() accepts documents of enclaves and of NitroTPM", () => {
  for (const kind of ["enclave", "nitrotpm"] as const) {
    assert.deepEqual(failuresOf({ kind }), []);
    const verified = verifyDocument(aws.evidence({ kind }));
    assert.ok(verified.genuine);
    assert.equal(verified.document.kind, kind);
    assert.deepEqual(verified.document.pcrs.get(4), pcr(5));
    assert.deepEqual(
      verified.chain.map(({ subject }) => subject.text),
      FAKE_CHAIN,
    );
  }
});

test("verifyDocument() accepts a message with its tag", () => {
  assert.deepEqual(failuresOf({ message: { tagged: true } }), []);
});

test("verifyDocument() tells every check with what it found", () => {
  const { checks } = verifyDocument(aws.evidence());
  assert.deepEqual(Object.fromEntries(checks.map(({ name, got }) => [name, got])), {
    document: "enclave",
    protected: "alg -35",
    unprotected: "0 parameters",
    certificate: FAKE_CHAIN[0],
    "certificate.usage": "digitalSignature nonRepudiation",
    cabundle: FAKE_CHAIN.join("; "),
    signature: "the certificate's key over this document",
  });
  for (const { speaksFor } of checks) assert.equal(speaksFor, "runtime-opaque.operator");
  const bare = verifyDocument(aws.evidence({ leaf: { extensions: undefined } })).checks;
  assert.equal(bare.find(({ name }) => name === "certificate.usage")?.got, "not limited");
});

test("verifyDocument() refuses bytes that are no document, and checks nothing else", () => {
  const notChecked = VERIFY_CHECKS.slice(1).map((name) => `${name}: not_checked`);
  assert.deepEqual(failuresOf({ payload: Uint8Array.of(0xff) }), [
    "document: document_cbor_unsupported",
    ...notChecked,
  ]);
  assert.deepEqual(failuresOf({ fields: { nonce: "text" } }), ["document: document_value", ...notChecked]);
  assert.deepEqual(failuresOf({ fields: { more: 1n } }), ["document: document_fields", ...notChecked]);
});

test("verifyDocument() refuses protected parameters other than ES384 alone", () => {
  const withHeader = (...parameters: [bigint, bigint | string][]) =>
    failuresOf({ message: { protected: encode(new Map(parameters)) } });
  assert.deepEqual(withHeader([1n, -7n]), ["protected: protected_alg", "signature: signature_mismatch"]);
  assert.deepEqual(withHeader([1n, "ES384"]), ["protected: protected_alg", "signature: signature_mismatch"]);
  assert.deepEqual(withHeader(), ["protected: protected_alg", "signature: signature_mismatch"]);
  assert.deepEqual(withHeader([1n, -35n], [3n, 0n]), ["protected: protected_alg"]);
});

test("verifyDocument() refuses parameters that are not signed", () => {
  assert.deepEqual(failuresOf({ message: { unprotected: new Map([[4n, 0n]]) } }), [
    "unprotected: unprotected_parameters",
  ]);
});

const NO_CERTIFICATE = ["certificate.usage", "cabundle", "signature"].map((name) => `${name}: not_checked`);

test("verifyDocument() refuses a certificate that can't be read or has an unusable key", () => {
  assert.deepEqual(failuresOf({ fields: { certificate: Uint8Array.of(1) } }), [
    "certificate: certificate_malformed",
    ...NO_CERTIFICATE,
  ]);
  const leafKey = generateKeyPairSync("ec", { namedCurve: "P-521" });
  assert.deepEqual(failuresOf({ leafKey }), ["certificate: certificate_public_key", ...NO_CERTIFICATE]);
});

test("verifyDocument() refuses certificates of CAs and of keys that are not for signatures", () => {
  assert.deepEqual(failuresOf({ leaf: usage(0x80, 7) }), []);
  const refused = ["certificate.usage: certificate_usage"];
  assert.deepEqual(failuresOf({ leaf: usage(0x80, 7, true) }), refused);
  assert.deepEqual(failuresOf({ leaf: usage(0x40, 6) }), refused);
  assert.deepEqual(failuresOf({ leaf: { extensions: undefined } }), []);
});

test("verifyDocument() refuses a certificate without a chain to a pinned root", () => {
  assert.deepEqual(failuresOf({ roots: [] }), ["cabundle: cabundle_issuer_unknown"]);
  assert.deepEqual(failuresOf({ fields: { cabundle: [aws.root] } }), ["cabundle: cabundle_issuer_unknown"]);
  assert.deepEqual(failuresOf({ fields: { cabundle: [Uint8Array.of(1)] } }), ["cabundle: cabundle_malformed"]);
  const other = new FakeNitro();
  assert.deepEqual(failuresOf({ roots: [parseCertificate(other.root)] }), ["cabundle: cabundle_signature"]);
  assert.deepEqual(failuresOf({ fields: { cabundle: other.cabundle } }), ["cabundle: cabundle_signature"]);
});

test("verifyDocument() refuses a pinned root that was damaged on its way", () => {
  const root = Uint8Array.from(aws.root);
  const last = root.length - 1;
  root[last] = (root[last] as number) ^ 1;
  assert.deepEqual(failuresOf({ roots: [parseCertificate(root)] }), ["cabundle: cabundle_signature"]);
});

test("verifyDocument() refuses at a time when a certificate is not valid", () => {
  const at = (now: Date) => failuresOf({ now });
  assert.deepEqual(at(NOT_BEFORE), []);
  assert.deepEqual(at(NOT_AFTER), []);
  assert.deepEqual(at(new Date(NOT_BEFORE.getTime() - 1)), ["cabundle: cabundle_not_yet_valid"]);
  assert.deepEqual(at(new Date(NOT_AFTER.getTime() + 1)), ["cabundle: cabundle_expired"]);
  assert.deepEqual(at(new Date(Number.NaN)), ["cabundle: cabundle_clock"]);
});

test("verifyDocument() refuses signatures by another key, and by keys on another curve or of another kind", () => {
  const refused = ["signature: signature_mismatch"];
  assert.deepEqual(failuresOf({ signingKey: p384() }), refused);
  assert.deepEqual(failuresOf({ leafKey: p256() }), refused);
  assert.deepEqual(failuresOf({ leafKey: rsa(), signingKey: p384() }), refused);
  assert.deepEqual(failuresOf({ message: { hash: "sha256" } }), refused);
});

test("verifyDocument() lets through what is no fault of the evidence", () => {
  const evidence = aws.evidence();
  assert.throws(() => verifyDocument({ ...evidence, document: undefined as unknown as Uint8Array }), TypeError);
  assert.throws(() => verifyDocument({ ...evidence, roots: undefined as unknown as [] }), TypeError);
});
