import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { concat, fromHex, utf8 } from "@constellation/bytes";
import {
  bits,
  bool,
  ia5String,
  int,
  nul,
  octets,
  oid,
  printableString,
  seq,
  set,
  text,
  tlv,
} from "@constellation/der/testing/der-writer";
import { certificateName, parseCertificate, spkiDer, subjectAltNameUris } from "./index.ts";
import {
  basicConstraints,
  type CertificateParts,
  ecdsaSha384,
  extension,
  issue,
  keyUsage,
  name,
  OID,
  p256,
  subjectAltName,
} from "./testing/certificate-writer.ts";

const key = p256();
const parseWith = (parts: CertificateParts) => parseCertificate(issue(key, key, parts));
const refuses = (code: string, parts: CertificateParts) =>
  assert.throws(() => parseWith(parts), { name: "X509Error", code });

test("parseCertificate() agrees with node:crypto", () => {
  const der = issue(key, key, {
    serial: int(0x01, 0xa2),
    subject: seq(set(seq(oid("2.5.4.10"), text("Org"))), set(seq(oid("2.5.4.3"), text("Leaf")))),
  });
  const certificate = parseCertificate(der);
  const theirs = new X509Certificate(der);
  assert.equal(certificate.serialNumber, theirs.serialNumber.toLowerCase());
  assert.equal(certificate.subject.text, "O=Org, CN=Leaf");
  assert.equal(certificate.issuer.text, "CN=Root");
  assert.deepEqual(certificate.issuer.der, name("Root"));
  assert.deepEqual(certificate.notBefore, theirs.validFromDate);
  assert.deepEqual(certificate.notAfter, theirs.validToDate);
  assert.deepEqual(Buffer.from(spkiDer(certificate)), theirs.publicKey.export({ type: "spki", format: "der" }));
  assert.deepEqual(certificate.der, der);
  assert.equal(
    createHash("sha256").update(certificate.der).digest("hex"),
    theirs.fingerprint256.replaceAll(":", "").toLowerCase(),
  );
  assert.equal(certificate.signatureAlgorithm.oid, OID.ecdsaSha256);
  assert.deepEqual(der.subarray(4, 4 + certificate.tbs.length), certificate.tbs);
});

test("parseCertificate() reads serial numbers that are not positive", () => {
  assert.equal(parseWith({ serial: int(0) }).serialNumber, "00");
  assert.equal(parseWith({ serial: int(0x80) }).serialNumber, "80");
});

test("certificateName() is the subject, or the serial number where that is empty", () => {
  assert.equal(certificateName(parseWith({ subject: name("Leaf") })), "CN=Leaf");
  assert.equal(certificateName(parseWith({ subject: seq(), serial: int(0x01, 0xa2) })), "serial 01a2");
});

test("parseCertificate() reads the one common name of a subject, wherever it stands", () => {
  const cn = (value: Uint8Array) => seq(oid("2.5.4.3"), value);
  const ou = seq(oid("2.5.4.11"), text("Engineering"));
  const commonNameOf = (...relativeNames: readonly Uint8Array[]) =>
    parseWith({ subject: seq(...relativeNames) }).subject.commonName;
  assert.equal(commonNameOf(set(ou), set(cn(text("ARK-Milan")))), "ARK-Milan");
  assert.equal(commonNameOf(set(cn(printableString("SEV-VCEK")), ou)), "SEV-VCEK");
  // As it stands, where the text for people is escaped.
  assert.equal(commonNameOf(set(cn(text("a, CN=b")))), "a, CN=b");
  const others = [
    [],
    [set(ou)],
    [set(cn(text("a"))), set(cn(text("a")))],
    [set(cn(text("a"))), set(cn(int(1)))],
    [set(cn(int(1))), set(cn(text("a")))],
    [set(cn(ia5String("a")))],
    [set(cn(int(1)))],
  ];
  for (const relativeNames of others) assert.equal(commonNameOf(...relativeNames), undefined);
});

test("parseCertificate() reads basic constraints, key usage and alternative names", () => {
  const certificate = parseWith({
    extensions: [
      basicConstraints(true, 3),
      keyUsage(0x86, 1),
      subjectAltName(
        tlv(0x86, utf8("urn:example:1")),
        tlv(0x82, utf8("node.example")),
        tlv(0x87, Uint8Array.of(10, 0, 0, 1)),
        tlv(0x87, fromHex("20010db8000000000000000000000001")),
        tlv(0x81, utf8("a@example")),
        tlv(0x86, utf8("urn:example:2")),
      ),
    ],
  });
  assert.deepEqual(certificate.basicConstraints, { ca: true, pathLength: 3 });
  assert.deepEqual(certificate.keyUsage, ["digitalSignature", "keyCertSign", "cRLSign"]);
  assert.deepEqual(certificate.subjectAltName, [
    { kind: "uri", value: "urn:example:1" },
    { kind: "dns", value: "node.example" },
    { kind: "ip", value: "10.0.0.1" },
    { kind: "ip", value: "2001:db8:0:0:0:0:0:1" },
    { kind: "other", tag: 0x81 },
    { kind: "uri", value: "urn:example:2" },
  ]);
  assert.deepEqual(subjectAltNameUris(certificate), ["urn:example:1", "urn:example:2"]);
  assert.deepEqual(certificate.unknownCritical, []);
});

test("parseCertificate() reads a certificate without extensions", () => {
  const certificate = parseWith({ extensions: undefined });
  assert.deepEqual(certificate.extensions, []);
  assert.equal(certificate.basicConstraints, undefined);
  assert.deepEqual(subjectAltNameUris(certificate), []);
});

test("parseCertificate() lists critical extensions it does not know", () => {
  const certificate = parseWith({
    extensions: [extension("2.5.29.30", true, seq()), extension("2.5.29.32", false, seq())],
  });
  assert.deepEqual(certificate.unknownCritical, ["2.5.29.30"]);
  assert.deepEqual(
    certificate.extensions.map((found) => found.oid),
    ["2.5.29.30", "2.5.29.32"],
  );
});

test("parseCertificate() gives names that can't be mistaken on a terminal", () => {
  const subject = seq(
    set(seq(oid("1.2.3"), text("x\\y")), seq(oid("2.5.4.3"), text("a, CN=b\u001b[2J"))),
    set(seq(oid("2.5.4.4"), octets(Uint8Array.of(1)))),
  );
  assert.equal(parseWith({ subject }).subject.text, "1.2.3=x\\\\y + CN=a\\, CN\\=b\\u{1b}[2J, 2.5.4.4=#040101");
});

test("parseCertificate() refuses versions other than v3", () => {
  refuses("version", { version: tlv(0xa0, int(1)) });
  refuses("version", { version: tlv(0xa0, int(0)) });
  refuses("version", { version: tlv(0xa0, int(3)) });
  refuses("version", { version: new Uint8Array(0) });
});

test("parseCertificate() refuses an extension that stands twice", () => {
  refuses("duplicate_extension", { extensions: [basicConstraints(false), basicConstraints(true)] });
});

test("parseCertificate() refuses an inner algorithm that differs from the outer", () => {
  refuses("algorithm_mismatch", { innerAlgorithm: ecdsaSha384.algorithm });
  refuses("algorithm_mismatch", { innerAlgorithm: seq(oid(OID.ecdsaSha256), nul()) });
});

test("parseCertificate() refuses malformed members", () => {
  refuses("malformed", { serial: int(0, 1) });
  refuses("malformed", { serial: bool(true) });
  refuses("malformed", { validity: seq(int(1), int(1)) });
  refuses("malformed", { validity: seq(text("x")) });
  refuses("malformed", { subject: set() });
  refuses("malformed", { subject: seq(set()) });
  refuses("malformed", { subject: seq(seq()) });
  refuses("malformed", { subject: seq(set(seq(oid("2.5.4.4"), text("b")), seq(oid("2.5.4.3"), text("a")))) });
  refuses("malformed", { subject: seq(set(seq(oid("2.5.4.3")))) });
  refuses("malformed", { subject: seq(set(seq(oid("2.5.4.3"), text("a"), text("b")))) });
  refuses("malformed", { subject: seq(set(seq(oid("2.5.4.3"), tlv(0x0c, Uint8Array.of(0xff))))) });
  refuses("malformed", { spki: seq(seq(oid("1.2.3")), octets(Uint8Array.of(1))) });
  refuses("malformed", { spki: seq(seq(oid("1.2.3"), nul(), nul()), bits(Uint8Array.of(1))) });
  refuses("malformed", { spki: seq(seq(oid("1.2.3")), bits(Uint8Array.of(2), 1)) });
  refuses("malformed", { trailing: nul() });
});

test("parseCertificate() refuses malformed extensions", () => {
  refuses("malformed", { extensions: [] });
  refuses("malformed", { extensions: [seq(oid("1.2.3"), bool(false), octets(seq()))] });
  refuses("malformed", { extensions: [seq(oid("1.2.3"), octets(seq()), nul())] });
  refuses("malformed", { extensions: [extension("2.5.29.19", true, concat(seq(), nul()))] });
  refuses("malformed", { extensions: [extension("2.5.29.19", true, seq(bool(false)))] });
  refuses("malformed", { extensions: [extension("2.5.29.19", true, seq(int(1)))] });
  refuses("malformed", { extensions: [extension("2.5.29.19", true, seq(bool(true), int(0xff)))] });
  refuses("malformed", { extensions: [extension("2.5.29.19", true, seq(bool(true), int(1), int(1)))] });
  refuses("malformed", { extensions: [extension("2.5.29.15", true, bits(Uint8Array.of(0, 0x40), 6))] });
  refuses("malformed", { extensions: [extension("2.5.29.15", true, bits(Uint8Array.of(0x81), 1))] });
  refuses("malformed", { extensions: [subjectAltName()] });
  refuses("malformed", { extensions: [subjectAltName(tlv(0x87, Uint8Array.of(1, 2, 3)))] });
  refuses("malformed", { extensions: [subjectAltName(tlv(0x86, Uint8Array.of(0xe9)))] });
  refuses("malformed", { extensions: [subjectAltName(tlv(0x82, Uint8Array.of(0xe9)))] });
});

test("parseCertificate() reads decipherOnly, the last bit of key usage", () => {
  const certificate = parseWith({ extensions: [extension("2.5.29.15", true, bits(Uint8Array.of(0, 0x80), 7))] });
  assert.deepEqual(certificate.keyUsage, ["decipherOnly"]);
});

test("parseCertificate() reads key usage with trailing zero bits, as AMD writes it", () => {
  const certificate = parseWith({ extensions: [extension("2.5.29.15", true, bits(Uint8Array.of(0x04)))] });
  assert.deepEqual(certificate.keyUsage, ["keyCertSign"]);
});

test("parseCertificate() refuses data after the certificate, and says where the fault is", () => {
  const der = issue(key, key);
  assert.throws(
    () => parseCertificate(concat(der, Uint8Array.of(0))),
    (error: Error) => {
      assert.equal((error as { code?: string }).code, "malformed");
      assert.equal((error.cause as { code?: string }).code, "trailing");
      return true;
    },
  );
  assert.throws(() => parseCertificate(der.subarray(0, -1)), { code: "malformed" });
  assert.throws(() => parseCertificate(seq(seq(), seq(oid("1.2.3")), bits(new Uint8Array(0)), nul())), {
    code: "malformed",
  });
});

test("parseCertificate() lets through what is not a fault of the input", () => {
  assert.throws(() => parseCertificate(undefined as unknown as Uint8Array), TypeError);
});
