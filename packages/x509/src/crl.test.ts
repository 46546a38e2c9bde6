import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, fromHex, utf8 } from "@constellation/bytes";
import { bits, bool, int, nul, octets, oid, seq, set, text, time, tlv } from "@constellation/der/testing/der-writer";
import { isRevoked, parseCertificate, parseCrl, verifyCrl, type X509ErrorCode } from "./index.ts";
import {
  basicConstraints,
  CERT_SIGN,
  type CertificateParts,
  ecdsaSha384,
  extension,
  issue,
  issueCa,
  keyUsage,
  NOT_AFTER,
  NOT_BEFORE,
  NOW,
  name,
  OID,
  p256,
  pssSha384,
  rsa,
} from "./testing/certificate-writer.ts";
import { CRL_NUMBER, type CrlParts, issueCrl, revoked } from "./testing/crl-writer.ts";

const CRL_SIGN = keyUsage(0x02, 1);
const REASON = extension("2.5.29.21", false, tlv(0x0a, Uint8Array.of(1)));

const FILLING = Array.from({ length: 12 }, () => 7);

const key = p256();
const rootWith = (parts: CertificateParts) => parseCertificate(issueCa("Root", "Root", key, key, parts));
const root = rootWith({ extensions: [basicConstraints(true), CRL_SIGN] });
const leafWith = (parts: CertificateParts) => parseCertificate(issue(p256(), key, parts));
const crlWith = (parts: CrlParts = {}) => parseCrl(issueCrl(key, parts));

const refusesToParse = (code: X509ErrorCode, parts: CrlParts) =>
  assert.throws(() => crlWith(parts), { name: "X509Error", code });
const refuses = (code: X509ErrorCode, parts: CrlParts, issuer = root, now = NOW) =>
  assert.throws(() => verifyCrl(crlWith(parts), issuer, now), { name: "X509Error", code });

test("parseCrl() reads all parts", () => {
  const der = issueCrl(key, { entries: [revoked(int(5)), revoked(int(0x00, 0x80), REASON)] });
  const crl = parseCrl(der);
  assert.deepEqual(crl.der, der);
  assert.deepEqual(der.subarray(3, 3 + crl.tbs.length), crl.tbs);
  assert.equal(crl.issuer.text, "CN=Root");
  assert.deepEqual(crl.thisUpdate, NOT_BEFORE);
  assert.deepEqual(crl.nextUpdate, NOT_AFTER);
  assert.equal(crl.scope, "full");
  assert.deepEqual(crl.crlNumber, Uint8Array.of(7));
  assert.deepEqual(
    crl.extensions.map((found) => found.oid),
    ["2.5.29.20"],
  );
  assert.deepEqual(crl.unknownCritical, []);
  assert.equal(crl.revokedCertificates.size, 2);
  assert.equal(crl.signatureAlgorithm.oid, OID.ecdsaSha256);
});

test("parseCrl() reads a CRL that lists nothing, and one without extensions", () => {
  assert.equal(crlWith().revokedCertificates.size, 0);
  assert.equal(crlWith({ entries: [] }).revokedCertificates.size, 0);
  const bare = crlWith({ extensions: undefined });
  assert.deepEqual(bare.extensions, []);
  assert.equal(bare.crlNumber, undefined);
});

test("parseCrl() reads views of a larger buffer", () => {
  const der = issueCrl(key, { entries: [revoked(int(5))] });
  const padded = concat(Uint8Array.of(1, 2, 3), der, Uint8Array.of(4));
  const crl = parseCrl(padded.subarray(3, -1));
  assert.equal(isRevoked(crl, leafWith({ serial: int(5) })), true);
});

test("parseCrl() refuses versions other than v2", () => {
  for (const version of [new Uint8Array(0), int(0), int(2)]) refusesToParse("version", { version });
});

test("parseCrl() refuses a version of millions of octets without working it out", () => {
  const version = tlv(0x02, new Uint8Array(15 * 1024 * 1024).fill(0x55));
  assert.throws(
    () => crlWith({ version }),
    (error: Error) => error.message.length < 200,
  );
});

test("parseCrl() refuses an inner algorithm that differs from the outer", () => {
  refusesToParse("algorithm_mismatch", { innerAlgorithm: ecdsaSha384.algorithm });
});

test("parseCrl() refuses an extension that stands twice", () => {
  refusesToParse("duplicate_extension", { extensions: [CRL_NUMBER, CRL_NUMBER] });
  refusesToParse("duplicate_extension", { entries: [revoked(int(1), REASON, REASON)] });
});

test("parseCrl() refuses malformed members", () => {
  const entry = (...members: Uint8Array[]): CrlParts => ({ entries: [seq(...members)] });
  for (const parts of [
    { issuer: set() },
    { thisUpdate: int(1) },
    { nextUpdate: new Uint8Array(0) },
    { nextUpdate: text("x") },
    { trailing: nul() },
    { extensions: [] },
    { extensions: [seq(oid("1.2.3"), bool(false), octets(seq()))] },
    { extensions: [extension("2.5.29.20", false, nul())] },
    { extensions: [extension("2.5.29.28", true, set())] },
    { entries: [nul()] },
    entry(),
    entry(int(0, 1), time(NOW)),
    entry(int(1)),
    entry(int(1), nul()),
    entry(int(1), time(NOW), nul()),
    entry(int(1), time(NOW), seq()),
    entry(int(1), time(NOW), seq(nul())),
  ] satisfies CrlParts[]) {
    refusesToParse("malformed", parts);
  }
});

test("parseCrl() refuses data after the CRL and cut data", () => {
  const der = issueCrl(key);
  for (const bytes of [
    concat(der, Uint8Array.of(0)),
    der.subarray(0, -1),
    new Uint8Array(0),
    seq(),
    seq(seq(), seq(oid("1.2.3")), bits(new Uint8Array(0)), nul()),
    new Uint8Array(16 * 1024 * 1024 + 1),
  ]) {
    assert.throws(() => parseCrl(bytes), { name: "X509Error", code: "malformed" });
  }
});

test("parseCrl() refuses parts and lists that would fill the memory", () => {
  const long = utf8("x".repeat(64 * 1024));
  const nulls = new Uint8Array(4 * 1024 * 1024).fill(0);
  for (let i = 0; i < nulls.length; i += 2) nulls[i] = 0x05;
  for (const parts of [
    { issuer: seq(set(seq(oid("2.5.4.3"), tlv(0x0c, long)))) },
    { issuer: seq(nulls) },
    { trailing: nulls },
    { innerAlgorithm: seq(tlv(0x06, long)) },
    { extensions: [extension("1.2.3", false, octets(long))] },
    { entries: [revoked(int(1), extension("1.2.3", false, octets(long)))] },
    { entries: [tlv(0x30, nulls)] },
  ] satisfies CrlParts[]) {
    refusesToParse("malformed", parts);
  }
});

test("parseCrl() lets through what is not a fault of the input", () => {
  assert.throws(() => parseCrl(undefined as unknown as Uint8Array), TypeError);
});

test("verifyCrl() accepts a CRL of its issuer from its first to its last second", () => {
  for (const now of [NOT_BEFORE, NOW, NOT_AFTER]) verifyCrl(crlWith({ entries: [revoked(int(5), REASON)] }), root, now);
});

test("verifyCrl() accepts RSASSA-PSS with SHA-384 and a salt of 48 bytes", () => {
  const rsaKey = rsa();
  const issuer = parseCertificate(
    issueCa("Root", "Root", rsaKey, rsaKey, { extensions: [basicConstraints(true), CRL_SIGN], signer: pssSha384 }),
  );
  verifyCrl(parseCrl(issueCrl(rsaKey, { signer: pssSha384 })), issuer, NOW);
});

test("verifyCrl() refuses a clock that shows no time", () => {
  const message = /^Verify CRL failed: got "Invalid Date" as the current time/;
  assert.throws(() => verifyCrl(crlWith(), root, new Date(Number.NaN)), { name: "X509Error", code: "clock", message });
});

test("verifyCrl() refuses a CRL of another issuer", () => {
  refuses("crl_issuer", { issuer: name("Other") });
});

test("verifyCrl() refuses an issuer that is no CA or may not sign CRLs", () => {
  refuses("not_a_ca", {}, rootWith({ extensions: [CRL_SIGN] }));
  refuses("not_a_ca", {}, rootWith({ extensions: [basicConstraints(false), CRL_SIGN] }));
  refuses("key_usage", {}, rootWith({ extensions: [basicConstraints(true), CERT_SIGN] }));
});

test("verifyCrl() takes a key usage that is left out for no limit", () => {
  verifyCrl(crlWith(), rootWith({ extensions: [basicConstraints(true)] }), NOW);
});

test("verifyCrl() refuses times before thisUpdate and after nextUpdate", () => {
  refuses("crl_not_yet_valid", {}, root, new Date(NOT_BEFORE.getTime() - 1));
  refuses("crl_expired", {}, root, new Date(NOT_AFTER.getTime() + 1));
});

test("verifyCrl() refuses delta, indirect and partial CRLs, critical or not", () => {
  const indirect = seq(tlv(0x84, Uint8Array.of(0xff)));
  for (const critical of [true, false]) {
    const withOne = (id: string, value: Uint8Array): CrlParts => ({
      extensions: [CRL_NUMBER, extension(id, critical, value)],
    });
    const scopes: [string, CrlParts][] = [
      ["delta", withOne("2.5.29.27", int(1))],
      ["indirect", withOne("2.5.29.28", indirect)],
      ["partial", withOne("2.5.29.28", seq())],
      ["indirect", { entries: [revoked(int(1), extension("2.5.29.29", critical, seq()))] }],
    ];
    for (const [scope, parts] of scopes) {
      assert.equal(crlWith(parts).scope, scope);
      refuses("crl_scope", parts);
    }
  }
});

test("verifyCrl() refuses unknown critical extensions of the CRL and of any entry", () => {
  const unknown = extension("1.2.3", true, nul());
  refuses("unknown_critical_extension", { extensions: [CRL_NUMBER, unknown] });
  refuses("unknown_critical_extension", { entries: [revoked(int(1), REASON), revoked(int(2), unknown)] });
  const harmless = extension("1.2.3", false, nul());
  verifyCrl(crlWith({ extensions: [harmless], entries: [revoked(int(1), harmless)] }), root, NOW);
});

test("verifyCrl() refuses critical extensions that have no meaning in their place", () => {
  for (const id of ["2.5.29.20", "2.5.29.27", "2.5.29.28"]) {
    refuses("unknown_critical_extension", { entries: [revoked(int(1), extension(id, true, int(1)))] });
  }
  for (const id of ["2.5.29.21", "2.5.29.29"]) {
    refuses("unknown_critical_extension", { extensions: [CRL_NUMBER, extension(id, true, seq())] });
  }
});

test("parseCrl() names sixteen unknown critical extensions, however many there are", () => {
  const unknown = Array.from({ length: 100 }, (_, index) => extension(`1.2.3.${index}`, true, nul()));
  const { unknownCritical } = crlWith({ entries: unknown.map((one, index) => revoked(int(index), one)) });
  assert.equal(unknownCritical.length, 16);
  assert.equal(unknownCritical.at(-1), "1.2.3.15");
});

test("verifyCrl() refuses signatures by another key of the same name", () => {
  assert.throws(() => verifyCrl(parseCrl(issueCrl(p256())), root, NOW), {
    name: "X509Error",
    code: "crl_signature",
    message: /^Verify CRL signature failed: got one not made by "CN=Root"/,
  });
});

test("verifyCrl() refuses each single changed byte", () => {
  const der = issueCrl(key, { entries: [revoked(int(5), REASON)] });
  for (let index = 0; index < der.length; index++) {
    const changed = Uint8Array.from(der);
    changed[index] = (der[index] as number) ^ 0x01;
    assert.throws(() => verifyCrl(parseCrl(changed), root, NOW), { name: "X509Error" }, `byte ${index}`);
  }
});

test("isRevoked() compares serial numbers as whole DER integers", () => {
  const crl = crlWith({ entries: [revoked(int(0x01, 0x02)), revoked(int(0)), revoked(int(0x00, 0x80))] });
  for (const [serial, listed] of [
    ["0102", true],
    ["00", true],
    ["0080", true],
    ["80", false],
    ["02", false],
    ["01", false],
    ["0103", false],
    ["010200", false],
  ] as const) {
    assert.equal(isRevoked(crl, leafWith({ serial: int(...fromHex(serial)) })), listed, serial);
  }
  assert.equal(isRevoked(crlWith(), leafWith({})), false);
});

test("isRevoked() refuses a certificate of another issuer", () => {
  const other = leafWith({ issuer: name("Other") });
  assert.throws(() => isRevoked(crlWith(), other), { name: "X509Error", code: "crl_issuer" });
});

test("isRevoked() finds serial numbers in a CRL of megabytes", () => {
  const serial = (n: number) => int(1, n >> 16, (n >> 8) & 0xff, n & 0xff, ...FILLING);
  const count = 60_000;
  const blocks = Array.from({ length: count / 100 }, (_, block) =>
    concat(...Array.from({ length: 100 }, (_, n) => revoked(serial(block * 100 + n), REASON))),
  );
  const crl = crlWith({ entries: blocks });
  assert.ok(crl.der.length > 2_000_000);
  assert.equal(crl.revokedCertificates.size, count);
  verifyCrl(crl, root, NOW);
  assert.equal(isRevoked(crl, leafWith({ serial: serial(count - 1) })), true);
  assert.equal(isRevoked(crl, leafWith({ serial: serial(count) })), false);
});
