import assert from "node:assert/strict";
import { test } from "node:test";
import { type Certificate, parseCertificate, pemToDer, X509Error } from "@constellation/x509";
import { ecdsaSha256, p256 } from "@constellation/x509/testing/certificate-writer";
import { FakeNitro } from "./testing/fake-nitro.ts";
import { nitroCases } from "./testing/vector-cases.ts";
import { type VerifyDocumentInput, verifyDocument } from "./verify-document.ts";

// No byte is left out below, as none may change. The signature is over the protected bucket and the payload, which hold
// all that is said; the bytes around them are heads of definite lengths in their one form, and an unprotected bucket
// that must be empty. The certificates are inside the payload.

/** Lowest and highest bit. */
const MASKS = [0x01, 0x80];

/** Offsets and masks of the changes that were accepted. */
function accepted(input: VerifyDocumentInput, isTried: (offset: number) => boolean): string[] {
  const found: string[] = [];
  const document = Uint8Array.from(input.document);
  input.document.forEach((byte, offset) => {
    if (!isTried(offset)) return;
    for (const mask of MASKS) {
      document[offset] = byte ^ mask;
      if (verifyDocument({ ...input, document }).genuine) found.push(`${offset} ^ ${mask}`);
    }
    document[offset] = byte;
  });
  return found;
}

const fake = new FakeNitro(p256, ecdsaSha256).evidence();

const evidence = nitroCases().find(({ name }) => name === "enclave-1");
assert.ok(evidence);
const real: VerifyDocumentInput = {
  document: evidence.document,
  roots: evidence.roots.map((pem) => parseCertificate(pemToDer(pem))),
  now: evidence.verifyTime,
};

test("verifyDocument() accepts the documents as they are", () => {
  assert.equal(verifyDocument(fake).genuine, true);
  assert.equal(verifyDocument(real).genuine, true);
});

test("verifyDocument() refuses a document with any byte changed", () => {
  assert.deepEqual(
    accepted(fake, () => true),
    [],
  );
});

/** Heads and protected bucket before the payload, signature after it. */
const PAYLOAD_START = 10;
const SIGNATURE_BYTES = 98;
/** Each chain of AWS's costs four verifications on P-384. */
const STEP = 16;

test("verifyDocument() refuses a document of AWS with bytes changed all over it", () => {
  const payloadEnd = real.document.length - SIGNATURE_BYTES;
  const isTried = (offset: number) => offset < PAYLOAD_START || offset >= payloadEnd || offset % STEP === 0;
  assert.deepEqual(accepted(real, isTried), []);
});

test("verifyDocument() refuses a pinned root with any byte changed", () => {
  const [root] = fake.roots;
  assert.ok(root);
  const found = Array.from(root.der.keys()).flatMap((offset) => MASKS.flatMap((mask) => acceptsRoot(offset, mask)));
  assert.deepEqual(found, []);

  function acceptsRoot(offset: number, mask: number): string[] {
    const der = Uint8Array.from((root as Certificate).der);
    der[offset] = (der[offset] as number) ^ mask;
    try {
      return verifyDocument({ ...fake, roots: [parseCertificate(der)] }).genuine ? [`${offset} ^ ${mask}`] : [];
    } catch (error) {
      assert.ok(error instanceof X509Error);
      return [];
    }
  }
});

test("verifyDocument() refuses a document cut at any byte", () => {
  for (let length = 0; length < real.document.length; length++) {
    assert.equal(verifyDocument({ ...real, document: real.document.subarray(0, length) }).genuine, false);
  }
});
