import assert from "node:assert/strict";
import { test } from "node:test";
import { fromUtf8 } from "@constellation/bytes";
import { vectorCases } from "@constellation/testkit/vector-cases";
import type { Check } from "./check.ts";
import type { Collateral } from "./collateral.ts";
import { parseQeIdentity } from "./qe-identity.ts";
import { MAX_QUOTE_BYTES, parseQuote } from "./quote.ts";
import { parseTcbInfo } from "./tcb-info.ts";
import { fakeEvidence, FakeIntel } from "./testing/index.ts";
import { vectorCollateral, vectorEvidence } from "./testing/vector-evidence.ts";
import { type Platform, verifyPlatform } from "./verify-platform.ts";
import { verifyQuote, type VerifyQuoteInput } from "./verify-quote.ts";
import { type Signers, verifyRevocation } from "./verify-revocation.ts";
import { verifySignedDocument } from "./verify-signed-document.ts";

/** Lowest bit, and the bit that tells upper from lower case in text and constructed from primitive in DER. */
const MASKS = [0x01, 0x20];

// What is not under a signature or a hash is fixed by the format (lengths, types, padding, PEM and JSON around what is
// signed), and the root at the end of each chain has to be the pinned one, or to have signed itself. So one place only may change: a letter of the
// signature's hexadecimal digits in a signed answer may be of either case.

/** A real version 4 quote, with padding and all its collateral. */
const v4 = evidenceOf("v4-emr-dcap");
/** A real version 5 quote with a TDX 1.5 body. */
const v5 = evidenceOf("v5-td15");
const collateral = vectorCollateral(caseOf("v4-emr-dcap"));

test("verifyQuote() accepts the evidence as it is", () => {
  for (const evidence of [v4, v5]) assert.ok(verifyQuote(evidence).genuine);
});

test("verifyQuote() refuses a version 4 quote with any byte changed", () => {
  assert.deepEqual(acceptedQuotes(v4), []);
});

test("verifyQuote() refuses a version 5 quote with any byte before its certificates changed", () => {
  assert.deepEqual(acceptedQuotes(v5, chainOffset(v5.quote)), []);
});

test("verifyQuote() refuses a version 5 quote with a TDX 1.0 body and any byte before its certificates changed", async () => {
  const evidence = fakeEvidence(await FakeIntel.create(), { quote: { version: 5, tdxVersion: "1.0" } });
  assert.deepEqual(acceptedQuotes(evidence, chainOffset(evidence.quote)), []);
});

test("parseQuote() refuses any byte of the longest padding changed", () => {
  const padded = new Uint8Array(MAX_QUOTE_BYTES);
  padded.set(v4.quote);
  for (let offset = v4.quote.length; offset < padded.length; offset += 97) {
    padded[offset] = 1;
    assert.throws(() => parseQuote(padded), { code: "quote_trailing" });
    padded[offset] = 0;
  }
});

const platform = verifyPlatform(parseQuote(v4.quote), v4.roots, v4.now).platform;
assert.ok(platform);
const { root } = platform;
const tcbInfo = judgeTcbInfo(collateral);
const qeIdentity = judgeQeIdentity(collateral);
const signers: Signers = { tcbInfoSigner: tcbInfo.signer, qeIdentitySigner: qeIdentity.signer };

/** The part of the verification that looks at a part of the collateral; the whole takes too long for each byte. */
const JUDGES: Readonly<Record<keyof Collateral, (given: Collateral) => readonly Check[]>> = {
  tcbInfo: (given) => judgeTcbInfo(given).checks,
  tcbInfoIssuerChain: (given) => judgeTcbInfo(given).checks,
  qeIdentity: (given) => judgeQeIdentity(given).checks,
  qeIdentityIssuerChain: (given) => judgeQeIdentity(given).checks,
  rootCaCrl: judgeRevocation,
  pckCrl: judgeRevocation,
  pckCrlIssuerChain: judgeRevocation,
};

for (const name of Object.keys(JUDGES) as (keyof Collateral)[]) {
  test(`verifyQuote() refuses collateral with any byte of ${name} changed`, () => {
    const bytes = collateral[name];
    const spoil = (changed: Uint8Array): Collateral => ({ ...collateral, [name]: changed });
    assert.deepEqual(
      accepted(bytes, (changed) => !hasFailed(JUDGES[name](spoil(changed)))),
      name === "tcbInfo" || name === "qeIdentity" ? lettersOfSignature(bytes) : [],
    );
    const changed = Uint8Array.from(bytes);
    changed[100] = (bytes[100] as number) ^ 1;
    const whole = verifyQuote({ ...v4, collateral: { kind: "given", ...spoil(changed) } });
    assert.equal(whole.genuine, false, "the whole looks at the part");
  });
}

function caseOf(name: string) {
  const [found] = vectorCases("tdx", "tdx").filter((one) => one.name === name);
  assert.ok(found);
  return found;
}

interface RawEvidence extends VerifyQuoteInput {
  readonly quote: Uint8Array;
}

function evidenceOf(name: string): RawEvidence {
  return { ...vectorEvidence(caseOf(name)), quote: caseOf(name).file("quote") };
}

function chainOffset(quote: Uint8Array): number {
  return parseQuote(quote).pckCertificateChain.byteOffset - quote.byteOffset;
}

/** What is refused without collateral is refused with it too. */
function acceptedQuotes(evidence: RawEvidence, end?: number): string[] {
  const judged = { ...evidence, collateral: { kind: "none", reason: "to be quick" } } as const;
  return accepted(evidence.quote, (quote) => verifyQuote({ ...judged, quote }).genuine, end);
}

/** Offsets and masks of the changes that were accepted. */
function accepted(bytes: Uint8Array, isAccepted: (changed: Uint8Array) => boolean, end = bytes.length): string[] {
  const found: string[] = [];
  const changed = Uint8Array.from(bytes);
  assert.ok(isAccepted(changed), "accepted as it is");
  for (let offset = 0; offset < end; offset++) {
    for (const mask of MASKS) {
      changed[offset] = (bytes[offset] as number) ^ mask;
      if (isAccepted(changed)) found.push(`${offset} ^ ${mask}`);
    }
    changed[offset] = bytes[offset] as number;
  }
  return found;
}

function hasFailed(checks: readonly Check[]): boolean {
  return checks.some(({ outcome }) => outcome === "fail");
}

/** The places of letters in the value of "signature", with the change of their case. */
function lettersOfSignature(answer: Uint8Array): string[] {
  const text = fromUtf8(answer);
  const start = text.indexOf('"signature"') + '"signature"'.length;
  return Array.from(text.slice(start).matchAll(/[a-f]/g), ({ index }) => `${start + index} ^ 32`);
}

function judgeTcbInfo(given: Collateral) {
  const spec = { name: "tcbInfo", code: "tcb_info", parse: parseTcbInfo } as const;
  return verifySignedDocument(spec, given.tcbInfo, given.tcbInfoIssuerChain, root, v4.now);
}

function judgeQeIdentity(given: Collateral) {
  const spec = { name: "qeIdentity", code: "qe_identity", parse: parseQeIdentity } as const;
  return verifySignedDocument(spec, given.qeIdentity, given.qeIdentityIssuerChain, root, v4.now);
}

function judgeRevocation(given: Collateral): readonly Check[] {
  return verifyRevocation(given, platform as Platform, signers, v4.now).checks;
}
