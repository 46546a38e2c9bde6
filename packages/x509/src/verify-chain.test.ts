import assert from "node:assert/strict";
import { test } from "node:test";
import { int, oid, seq, tlv } from "@constellation/der/testing/der-writer";
import { derToPem, parseCertificate, pemToDer, verifyChain } from "./index.ts";
import {
  basicConstraints,
  CERT_SIGN,
  type CertificateParts,
  DIGITAL_SIGNATURE,
  ecdsaSha384,
  extension,
  issue,
  issueCa,
  type KeyPair,
  NOT_AFTER,
  NOT_BEFORE,
  NOW,
  name,
  p256,
  p384,
} from "./testing/certificate-writer.ts";

const rootKey = p256();
const middleKey = p384();
const leafKey = p256();

const root = parseCertificate(issueCa("Root", "Root", rootKey, rootKey));
const middle = parseCertificate(issueCa("Middle", "Root", middleKey, rootKey));
const leaf = parseCertificate(issue(leafKey, middleKey, { issuer: name("Middle"), signer: ecdsaSha384 }));
const directLeaf = parseCertificate(issue(leafKey, rootKey));

const good = { leaf, intermediates: [middle], roots: [root], now: NOW };
const refuses = (code: string, input: Partial<typeof good>) =>
  assert.throws(() => verifyChain({ ...good, ...input }), { name: "X509Error", code });

test("verifyChain() gives the chain, leaf first", () => {
  assert.deepEqual(verifyChain(good), [leaf, middle, root]);
  assert.deepEqual(verifyChain({ ...good, leaf: directLeaf, intermediates: [] }), [directLeaf, root]);
});

test("verifyChain() holds on the first and last second of validity", () => {
  assert.equal(verifyChain({ ...good, now: NOT_BEFORE }).length, 3);
  assert.equal(verifyChain({ ...good, now: NOT_AFTER }).length, 3);
});

test("verifyChain() refuses times outside the validity of the leaf", () => {
  refuses("not_yet_valid", { now: new Date(NOT_BEFORE.getTime() - 1) });
  refuses("expired", { now: new Date(NOT_AFTER.getTime() + 1) });
});

test("verifyChain() refuses a clock that shows no time", () => {
  refuses("clock", { now: new Date(Number.NaN) });
});

test("verifyChain() refuses an expired or future intermediate and root", () => {
  const past = new Date("2025-06-01T00:00:00Z");
  const future = new Date("2027-01-01T00:00:00Z");
  for (const [parts, code] of [
    [{ notAfter: past }, "expired"],
    [{ notBefore: future }, "not_yet_valid"],
  ] as const) {
    refuses(code, { intermediates: [parseCertificate(issueCa("Middle", "Root", middleKey, rootKey, parts))] });
    refuses(code, { roots: [parseCertificate(issueCa("Root", "Root", rootKey, rootKey, parts))] });
  }
});

test("verifyChain() tells why the first candidate was refused", () => {
  const expired = issueCa("Root", "Root", rootKey, rootKey, { notAfter: new Date("2025-06-01T00:00:00Z") });
  const other = issueCa("Root", "Root", leafKey, leafKey);
  const roots = [expired, other].map((der) => parseCertificate(der));
  refuses("expired", { leaf: directLeaf, roots });
  refuses("signature", { leaf: directLeaf, roots: roots.toReversed() });
});

test("verifyChain() refuses unknown critical extensions anywhere", () => {
  const nameConstraints = extension("2.5.29.30", true, seq());
  const code = "unknown_critical_extension";
  const withIt = { extensions: [basicConstraints(true), CERT_SIGN, nameConstraints] };
  refuses(code, {
    leaf: parseCertificate(issue(leafKey, rootKey, { extensions: [DIGITAL_SIGNATURE, nameConstraints] })),
  });
  refuses(code, { intermediates: [parseCertificate(issueCa("Middle", "Root", middleKey, rootKey, withIt))] });
  refuses(code, { roots: [parseCertificate(issueCa("Root", "Root", rootKey, rootKey, withIt))] });
});

test("verifyChain() refuses limits on names and policies that it does not process, critical or not", () => {
  for (const id of ["2.5.29.30", "2.5.29.36", "2.5.29.54"]) {
    for (const critical of [true, false]) {
      const extensions = [basicConstraints(true), CERT_SIGN, extension(id, critical, seq())];
      refuses("unknown_critical_extension", {
        intermediates: [parseCertificate(issueCa("Middle", "Root", middleKey, rootKey, { extensions }))],
      });
    }
  }
});

test("verifyChain() passes over certificate policies unless they are critical", () => {
  const withPolicies = (critical: boolean) => {
    const extensions = [basicConstraints(true), CERT_SIGN, extension("2.5.29.32", critical, seq())];
    return { intermediates: [parseCertificate(issueCa("Middle", "Root", middleKey, rootKey, { extensions }))] };
  };
  assert.equal(verifyChain({ ...good, ...withPolicies(false) }).length, 3);
  refuses("unknown_critical_extension", withPolicies(true));
});

test("verifyChain() accepts a leaf without subject, and serial numbers that are not positive", () => {
  const parts = { issuer: name("Middle"), signer: ecdsaSha384, subject: seq() };
  for (const serial of [int(0), int(0x80)]) {
    const nameless = parseCertificate(issue(leafKey, middleKey, { ...parts, serial }));
    assert.equal(nameless.subject.text, "");
    assert.equal(verifyChain({ ...good, leaf: nameless }).length, 3);
  }
});

test("verifyChain() refuses issuers that are no CA", () => {
  const withParts = (parts: CertificateParts) => parseCertificate(issueCa("Root", "Root", rootKey, rootKey, parts));
  const input = { leaf: directLeaf, intermediates: [] };
  refuses("not_a_ca", { ...input, roots: [withParts({ extensions: [CERT_SIGN] })] });
  refuses("not_a_ca", { ...input, roots: [withParts({ extensions: [basicConstraints(false), CERT_SIGN] })] });
  refuses("key_usage", { ...input, roots: [withParts({ extensions: [basicConstraints(true), DIGITAL_SIGNATURE] })] });
});

test("verifyChain() takes a key usage that is left out for no limit", () => {
  const open = parseCertificate(issueCa("Root", "Root", rootKey, rootKey, { extensions: [basicConstraints(true)] }));
  assert.equal(verifyChain({ ...good, roots: [open] }).length, 3);
});

test("verifyChain() counts the intermediates below an issuer", () => {
  const limited = (pathLength: number) =>
    parseCertificate(
      issueCa("Root", "Root", rootKey, rootKey, { extensions: [basicConstraints(true, pathLength), CERT_SIGN] }),
    );
  assert.equal(verifyChain({ ...good, roots: [limited(1)] }).length, 3);
  assert.equal(verifyChain({ ...good, leaf: directLeaf, intermediates: [], roots: [limited(0)] }).length, 2);
  refuses("path_length", { roots: [limited(0)] });
});

test("verifyChain() refuses unknown issuers and an empty list of roots", () => {
  refuses("issuer_unknown", { roots: [] });
  refuses("issuer_unknown", { intermediates: [] });
});

test("verifyChain() compares names as DER", () => {
  const printable = seq(tlv(0x31, seq(oid("2.5.4.3"), tlv(0x13, Buffer.from("Root")))));
  const lookalike = parseCertificate(issue(leafKey, rootKey, { issuer: printable }));
  assert.equal(lookalike.issuer.text, root.subject.text);
  refuses("issuer_unknown", { leaf: lookalike, intermediates: [] });
});

test("verifyChain() refuses signatures by another key of the same name", () => {
  refuses("signature", { leaf: parseCertificate(issue(leafKey, p256())), intermediates: [] });
  refuses("signature", { intermediates: [parseCertificate(issueCa("Middle", "Root", middleKey, p256()))] });
});

test("verifyChain() goes on after a candidate that fails", () => {
  const impostor = parseCertificate(issueCa("Root", "Root", p256(), p256()));
  const otherMiddle = parseCertificate(issueCa("Middle", "Root", p384(), rootKey));
  assert.deepEqual(verifyChain({ ...good, roots: [impostor, root], intermediates: [otherMiddle, middle] }), [
    leaf,
    middle,
    root,
  ]);
  refuses("signature", { roots: [impostor], intermediates: [otherMiddle, middle] });
});

test("verifyChain() refuses a leaf that is its own root", () => {
  refuses("loop", { leaf: root, intermediates: [] });
});

test("verifyChain() does not go round in a loop of intermediates, or round a root that is not pinned", () => {
  const keys = [p256(), p256()] as const;
  const a = parseCertificate(issueCa("A", "B", keys[0], keys[1]));
  const b = parseCertificate(issueCa("B", "A", keys[1], keys[0]));
  const looped = parseCertificate(issue(leafKey, keys[0], { issuer: name("A") }));
  refuses("issuer_unknown", { leaf: looped, intermediates: [a, b] });
  refuses("issuer_unknown", { intermediates: [middle, root], roots: [] });
});

/** A chain of CAs below the root, the last of which issues the leaf. */
function longChain(length: number): Pick<typeof good, "leaf" | "intermediates"> {
  let issuer: { subject: string; key: KeyPair } = { subject: "Root", key: rootKey };
  const intermediates = Array.from({ length }, (_, index) => {
    const subject = `CA ${index}`;
    const key = p256();
    const certificate = parseCertificate(issueCa(subject, issuer.subject, key, issuer.key));
    issuer = { subject, key };
    return certificate;
  });
  return { leaf: parseCertificate(issue(leafKey, issuer.key, { issuer: name(issuer.subject) })), intermediates };
}

test("verifyChain() refuses chains of more than eight certificates", () => {
  assert.equal(verifyChain({ ...good, ...longChain(6) }).length, 8);
  refuses("chain_too_long", longChain(7));
});

test("verifyChain() looks at a bounded number of candidates", () => {
  const impostor = parseCertificate(issueCa("Root", "Root", p256(), p256()));
  refuses("too_many_attempts", {
    leaf: directLeaf,
    intermediates: [],
    roots: Array.from({ length: 33 }, () => impostor),
  });
  refuses("signature", { leaf: directLeaf, intermediates: [], roots: Array.from({ length: 32 }, () => impostor) });
});

test("verifyChain() lets through what is no refusal", () => {
  assert.throws(
    () => verifyChain({ ...good, leaf: { ...directLeaf, tbs: undefined as unknown as Uint8Array } }),
    TypeError,
  );
  const broken = { ...root, spki: undefined as unknown as Uint8Array };
  assert.throws(() => verifyChain({ ...good, leaf: directLeaf, intermediates: [], roots: [broken, root] }), TypeError);
});

test("verifyChain() refuses each single changed byte of a leaf", () => {
  const der = directLeaf.der;
  for (let index = 0; index < der.length; index++) {
    const changed = Uint8Array.from(der);
    changed[index] = (der[index] as number) ^ 0x01;
    assert.throws(
      () => verifyChain({ leaf: parseCertificate(changed), intermediates: [], roots: [root], now: NOW }),
      { name: "X509Error" },
      `byte ${index}`,
    );
  }
});

test("pemToDer() feeds parseCertificate()", () => {
  assert.deepEqual(parseCertificate(pemToDer(derToPem(root.der))).subject, root.subject);
});
