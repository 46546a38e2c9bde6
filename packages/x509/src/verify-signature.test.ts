import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { bits, int, nul, oid, seq, tlv } from "@constellation/der/testing/der-writer";
import { parseCertificate, publicKeyOf, verifySignature } from "./index.ts";
import {
  type CertificateParts,
  ecdsaSha256,
  ecdsaSha384,
  issueCa,
  type KeyPair,
  OID,
  p256,
  p384,
  pssAlgorithm,
  pssSha256,
  pssSha384,
  rsa,
  rsaSha256,
  type Signer,
} from "./testing/certificate-writer.ts";

const rootKey = p256();
const middleKey = p384();
const rsaKey = rsa();
const root = parseCertificate(issueCa("Root", "Root", rootKey, rootKey));

/** A self-signed certificate with the given key and way to sign. */
function selfSigned(key: KeyPair, signer: Signer, parts: CertificateParts = {}) {
  return parseCertificate(issueCa("Root", "Root", key, key, { signer, ...parts }));
}

test("verifySignature() verifies each algorithm", () => {
  for (const [key, signer] of [
    [rootKey, ecdsaSha256],
    [middleKey, ecdsaSha384],
    [rsaKey, rsaSha256],
    [rsaKey, pssSha256],
    [rsaKey, pssSha384],
    [rsaKey, { ...pssSha256, algorithm: pssAlgorithm(OID.sha256, OID.sha256, 32) }],
  ] as const) {
    const certificate = selfSigned(key, signer);
    verifySignature(certificate, certificate);
  }
});

test("verifySignature() refuses signatures that do not match, for each algorithm", () => {
  for (const [key, signer, other] of [
    [rootKey, ecdsaSha256, p256()],
    [rsaKey, rsaSha256, rsa()],
    [rsaKey, pssSha256, rsa()],
  ] as const) {
    const certificate = selfSigned(key, signer);
    assert.throws(() => verifySignature(certificate, selfSigned(other, signer)), {
      code: "signature",
      message: /^Verify certificate signature failed: got one not made by "CN=Root"/,
    });
  }
});

test("verifySignature() does not verify a second time what holds", () => {
  const found = selfSigned(rootKey, ecdsaSha256);
  let reads = 0;
  const tbs = () => {
    reads += 1;
    return found.tbs;
  };
  const certificate = Object.defineProperty({ ...found }, "tbs", { get: tbs });
  for (let time = 0; time < 3; time++) verifySignature(certificate, root);
  assert.equal(reads, 1);
});

test("verifySignature() remembers what it verified for that certificate and that issuer alone", () => {
  const certificate = selfSigned(rootKey, ecdsaSha256);
  const issuer = selfSigned(rootKey, ecdsaSha256);
  const other = selfSigned(p256(), ecdsaSha256);
  for (let time = 0; time < 2; time++) {
    verifySignature(certificate, issuer);
    assert.throws(() => verifySignature(certificate, other), { code: "signature" });
    assert.throws(() => verifySignature({ ...certificate, tbs: other.tbs }, issuer), { code: "signature" });
  }
});

test("verifySignature() refuses a PSS salt of another length than stated", () => {
  const certificate = selfSigned(rsaKey, { ...pssSha256, algorithm: pssAlgorithm(OID.sha256, OID.sha256, 20) });
  assert.throws(() => verifySignature(certificate, certificate), { code: "signature" });
});

test("verifySignature() refuses a key of another kind than the algorithm's", () => {
  const byEcdsa = selfSigned(rootKey, ecdsaSha256);
  const byRsa = selfSigned(rsaKey, rsaSha256);
  const byPss = selfSigned(rsaKey, pssSha256);
  assert.throws(() => verifySignature(byEcdsa, byRsa), { code: "signature" });
  assert.throws(() => verifySignature(byRsa, byEcdsa), { code: "signature" });
  assert.throws(() => verifySignature(byPss, byEcdsa), { code: "signature" });
});

test("verifySignature() takes an RSA-PSS key for PSS only", () => {
  const pssSpki = seq(seq(oid(OID.rsaPss)), bits(rsaKey.publicKey.export({ type: "pkcs1", format: "der" })));
  const issuer = selfSigned(rsaKey, pssSha256, { spki: pssSpki });
  verifySignature(issuer, issuer);
  assert.throws(() => verifySignature(selfSigned(rsaKey, rsaSha256), issuer), { code: "signature" });
});

test("verifySignature() refuses algorithms outside the supported set", () => {
  const algorithms = [
    seq(oid("1.2.840.113549.1.1.5"), nul()),
    seq(oid(OID.ecdsaSha256), nul()),
    seq(oid(OID.rsaSha256)),
    seq(oid(OID.rsaSha256), int(1)),
    seq(oid(OID.rsaPss)),
    seq(oid(OID.rsaPss), seq()),
    pssAlgorithm(OID.sha1, OID.sha1, 20),
    pssAlgorithm(OID.sha256, OID.sha384, 32),
    pssAlgorithm(OID.sha256, OID.sha256, 65),
    pssAlgorithm(OID.sha256, OID.sha256, 32, tlv(0xa3, int(2))),
    pssAlgorithm(OID.sha256, OID.sha256, 32, tlv(0xa3, int(0))),
    pssAlgorithm(OID.sha256, OID.sha256, 32, nul()),
    seq(
      oid(OID.rsaPss),
      seq(tlv(0xa0, seq(oid(OID.sha256))), tlv(0xa1, seq(oid("1.2.3"), seq(oid(OID.sha256)))), tlv(0xa2, int(32))),
    ),
  ];
  for (const algorithm of algorithms) {
    const certificate = selfSigned(rsaKey, { ...pssSha256, algorithm });
    assert.throws(() => verifySignature(certificate, certificate), { code: "unsupported_algorithm" });
  }
});

test("verifySignature() lets through what is no fault of the input", () => {
  const certificate = selfSigned(rootKey, ecdsaSha256);
  const broken = { ...certificate, signatureAlgorithm: { oid: "1.2.3", der: undefined as unknown as Uint8Array } };
  assert.throws(() => verifySignature(broken, certificate), TypeError);
});

test("publicKeyOf() refuses keys it can't trust", () => {
  const withSpki = (spki: Uint8Array) => selfSigned(rootKey, ecdsaSha256, { spki });
  const spkiOf = (key: KeyPair) => key.publicKey.export({ type: "spki", format: "der" });
  const cases: [Uint8Array, RegExp][] = [
    [spkiOf(generateKeyPairSync("ec", { namedCurve: "P-521" })), /curve "1\.3\.132\.0\.35"/],
    [spkiOf(rsa(1024)), /RSA of "1024" bits/],
    [spkiOf(generateKeyPairSync("ed25519")), /algorithm "1\.3\.101\.112"/],
    [seq(seq(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")), bits(new Uint8Array(65).fill(4))), /no public key/],
  ];
  for (const [spki, message] of cases) {
    assert.throws(() => publicKeyOf(withSpki(spki)), { code: "public_key", message });
  }
});

test("publicKeyOf() keeps a key, and lets through what is no fault of the input", () => {
  assert.equal(publicKeyOf(root), publicKeyOf(root));
  assert.throws(() => publicKeyOf({ ...root, spki: undefined as unknown as Uint8Array }), TypeError);
});
