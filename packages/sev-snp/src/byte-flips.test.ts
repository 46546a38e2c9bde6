import assert from "node:assert/strict";
import { test } from "node:test";
import { fromUtf8 } from "@constellation/bytes";
import { vectorCases } from "@constellation/testkit/vector-cases";
import { parseCertificate, pemToDer, X509Error } from "@constellation/x509";
import { type VerifyReportInput, verifyReport } from "./verify-report.ts";

/** Lowest and highest bit. */
const MASKS = [0x01, 0x80];

// No byte is left out below, as none may change. A report is signed from 0h to 29Fh, r and s are bound to one value
// each, and all bytes beside them must be zero. The signature of a certificate covers all but its outer header,
// algorithm and signature; those are in DER, repeated inside, and checked. The ARK, which nobody above it signs, signs
// itself.

const [evidence] = vectorCases("sev-snp", "sev-snp").filter(({ name }) => name === "milan-v3-dstack");
assert.ok(evidence);
const [rootPem] = evidence.roots;
assert.ok(rootPem);
const ark = pemToDer(fromUtf8(rootPem));
const ask = pemToDer(fromUtf8(evidence.file("ca_chain")));
const good: VerifyReportInput = {
  report: evidence.file("report"),
  endorsementCert: evidence.file("endorsement_cert"),
  caChain: [ask],
  roots: [parseCertificate(ark)],
  now: evidence.verifyTime,
  revocation: { kind: "unchecked", reason: "the case has no CRL" },
};

test("verifyReport() accepts the evidence as it is", () => {
  assert.equal(verifyReport(good).genuine, true);
});

test("verifyReport() refuses a report with any byte changed", () => {
  assert.deepEqual(
    accepted(good.report, (report) => ({ ...good, report })),
    [],
  );
});

test("verifyReport() refuses a VCEK certificate with any byte changed", () => {
  assert.deepEqual(
    accepted(good.endorsementCert, (endorsementCert) => ({ ...good, endorsementCert })),
    [],
  );
});

test("verifyReport() refuses an ASK certificate with any byte changed", () => {
  assert.deepEqual(
    accepted(ask, (der) => ({ ...good, caChain: [der] })),
    [],
  );
});

test("verifyReport() refuses a pinned ARK certificate with any byte changed", () => {
  assert.deepEqual(accepted(ark, withRoot), []);
});

/** Offsets and masks of the changes that were accepted. */
function accepted(bytes: Uint8Array, input: (changed: Uint8Array) => VerifyReportInput | undefined): string[] {
  const found: string[] = [];
  const changed = Uint8Array.from(bytes);
  bytes.forEach((byte, offset) => {
    for (const mask of MASKS) {
      changed[offset] = byte ^ mask;
      const evidenceOfIt = input(changed);
      if (evidenceOfIt !== undefined && verifyReport(evidenceOfIt).genuine) found.push(`${offset} ^ ${mask}`);
    }
    changed[offset] = byte;
  });
  return found;
}

/** The evidence under a changed root; nothing where its owner can't even read it. */
function withRoot(der: Uint8Array): VerifyReportInput | undefined {
  try {
    return { ...good, roots: [parseCertificate(der)] };
  } catch (error) {
    assert.ok(error instanceof X509Error);
    return undefined;
  }
}
