import { type Check, check, type Expectation, expectBytes, expectValue, fail } from "@constellation/verdict";
import { type AttestationDocument, PCRS_FIELD } from "./attestation-document.ts";
import type { ValidateCode } from "./check-code.ts";
import type { DocumentPolicy, OptionalExpectation, TimeExpectation } from "./document-policy.ts";

/** Registers that measure the image, its kernel and its applications. */
const IMAGE_PCRS = [0, 1, 2];

/**
 * Whether the attested software can be looked into. An enclave in debug mode shows zeros instead of its measurements
 * (AWS Nitro Enclaves user guide, "Cryptographic attestation"); one that shows none of PCR 0 to 2, or any of them zero,
 * is taken for such. A NitroTPM with such registers has measured nothing, which is no better.
 */
export function isDebug({ pcrs }: AttestationDocument): boolean {
  return IMAGE_PCRS.some((index) => pcrs.get(index)?.every((byte) => byte === 0) ?? true);
}

/**
 * Whether a document is acceptable under a policy. Only for one that `verifyDocument` found genuine. Each check bears
 * the name of its field; acceptable where none failed.
 */
export function validateDocument(document: AttestationDocument, policy: DocumentPolicy): Check<ValidateCode>[] {
  return [
    expectValue("document.kind", "kind", document.kind, policy.kind),
    expectValue("document.module_id", "module_id", document.moduleId, policy.moduleId),
    validateTimestamp(document.timestampMs, policy.timestamp),
    expectValue("document.debug", "debug", isDebug(document), policy.debug),
    ...validatePcrs(document, policy.pcrs),
    validateOptional("document.public_key", "public_key", document.publicKey, policy.publicKey),
    validateOptional("document.user_data", "user_data", document.userData, policy.userData),
    validateOptional("document.nonce", "nonce", document.nonce, policy.nonce),
  ];
}

function validateTimestamp(timestampMs: number, expected: TimeExpectation): Check<ValidateCode> {
  const name = "document.timestamp";
  const got = new Date(timestampMs).toISOString();
  if (expected.kind === "any") {
    return { name, outcome: "accepted-by-choice", got, wanted: "any", reason: expected.reason };
  }
  const [earliest, latest] = [expected.earliest.getTime(), expected.latest.getTime()];
  const holds = earliest <= timestampMs && timestampMs <= latest;
  const wanted = `${shownTime(expected.earliest)} to ${shownTime(expected.latest)}`;
  return check(holds, name, "timestamp", got, wanted);
}

/** A time that is none makes no comparison true; it is to be shown all the same. */
function shownTime(time: Date): string {
  return Number.isNaN(time.getTime()) ? "no time" : time.toISOString();
}

function validatePcrs(
  { kind, pcrs }: AttestationDocument,
  expected: ReadonlyMap<number, Expectation<Uint8Array>>,
): Check<ValidateCode>[] {
  const indices = [...new Set([...pcrs.keys(), ...expected.keys()])].toSorted((a, b) => a - b);
  return indices.map((index) =>
    validatePcr(`document.${PCRS_FIELD[kind]}.${index}`, pcrs.get(index), expected.get(index)),
  );
}

function validatePcr(
  name: string,
  got: Uint8Array | undefined,
  expected: Expectation<Uint8Array> | undefined,
): Check<ValidateCode> {
  if (expected === undefined) {
    return fail(name, "pcr_not_stated", { reason: "the policy says nothing about this register" });
  }
  if (got !== undefined) return expectBytes(name, "pcr", got, expected);
  return expected.kind === "any" ? absentByChoice(name, expected.reason) : fail(name, "pcr_missing", { got: "none" });
}

function validateOptional(
  name: string,
  code: "public_key" | "user_data" | "nonce",
  got: Uint8Array | undefined,
  expected: OptionalExpectation,
): Check<ValidateCode> {
  if (expected.kind === "absent") {
    return check(got === undefined, name, code, got === undefined ? "none" : `${got.length} bytes`, "none");
  }
  if (got !== undefined) return expectBytes(name, code, got, expected);
  return expected.kind === "any" ? absentByChoice(name, expected.reason) : fail(name, code, { got: "none" });
}

function absentByChoice(name: string, reason: string): Check<never> {
  return { name, outcome: "accepted-by-choice", got: "none", wanted: "any", reason };
}
