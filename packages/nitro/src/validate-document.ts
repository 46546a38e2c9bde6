import {
  type About,
  about,
  type Aspect,
  BOOT_PCRS,
  bootAspect,
  type Check,
  type Expectation,
  pcrAspect,
} from "@constellation/verdict";
import { type AttestationDocument, PCRS_FIELD } from "./attestation-document.ts";
import type { ValidateCode } from "./check-code.ts";
import type { DocumentPolicy, OptionalExpectation, TimeExpectation } from "./document-policy.ts";

const detail = about("configuration.detail");
const binding = about("instance-identity.binding");

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
    detail.expectValue("document.kind", "kind", document.kind, policy.kind),
    about("instance-identity.machine").expectValue(
      "document.module_id",
      "module_id",
      document.moduleId,
      policy.moduleId,
    ),
    validateTimestamp(document.timestampMs, policy.timestamp),
    validateDebug(isDebug(document), policy.debug),
    ...validatePcrs(document, policy.pcrs),
    validateOptional(ANYTHING, "document.public_key", "public_key", document.publicKey, policy.publicKey),
    validateOptional(ANYTHING, "document.user_data", "user_data", document.userData, policy.userData),
    validateOptional(FRESHNESS, "document.nonce", "nonce", document.nonce, policy.nonce),
  ];
}

/** Memory of an enclave in debug mode is no more closed than AWS's word makes it; its console is open. */
function validateDebug(got: boolean, expected: Expectation<boolean>): Check<ValidateCode> {
  const { expectValue } = about(got ? "runtime-opaque.debug" : "runtime-opaque.detail");
  return expectValue("document.debug", "debug", got, expected);
}

function validateTimestamp(timestampMs: number, expected: TimeExpectation): Check<ValidateCode> {
  const name = "document.timestamp";
  const got = new Date(timestampMs).toISOString();
  if (expected.kind === "any") return binding.open(name, expected.reason, { got });
  const [earliest, latest] = [expected.earliest.getTime(), expected.latest.getTime()];
  const holds = earliest <= timestampMs && timestampMs <= latest;
  const wanted = `${shownTime(expected.earliest)} to ${shownTime(expected.latest)}`;
  return binding.check(holds, name, "timestamp", got, wanted);
}

/** A time that is none makes no comparison true; it is to be shown all the same. */
function shownTime(time: Date): string {
  return Number.isNaN(time.getTime()) ? "no time" : time.toISOString();
}

function validatePcrs(
  { kind, pcrs }: AttestationDocument,
  expected: ReadonlyMap<number, Expectation<Uint8Array>>,
): Check<ValidateCode>[] {
  const needed = kind === "nitrotpm" ? BOOT_PCRS : [];
  const indices = [...new Set([...pcrs.keys(), ...expected.keys(), ...needed])].toSorted((a, b) => a - b);
  const aspectOf = kind === "nitrotpm" ? pcrAspect : enclaveAspect;
  return indices.map((index) => {
    const value = pcrs.get(index);
    const name = `document.${PCRS_FIELD[kind]}.${index}`;
    return validatePcr(about(aspectOf(index, value)), name, value, expected.get(index));
  });
}

/** What the registers of an enclave speak for (AWS Nitro Enclaves user guide, "Where to get an enclave's measurements"). */
const ENCLAVE_ASPECTS: Readonly<Record<number, Aspect>> = {
  1: "executables.detail",
  2: "executables.detail",
  4: "instance-identity.machine",
  8: "executables.detail",
};

function enclaveAspect(index: number, value: Uint8Array | undefined): Aspect {
  // The whole image; PCR 1 and 2 are parts of it.
  if (index === 0) return bootAspect(value ?? new Uint8Array());
  return ENCLAVE_ASPECTS[index] ?? "configuration.detail";
}

function validatePcr(
  { expectBytes, fail, open }: About,
  name: string,
  got: Uint8Array | undefined,
  expected: Expectation<Uint8Array> | undefined,
): Check<ValidateCode> {
  if (expected === undefined) {
    if (got === undefined) return open(name, "neither in the document nor in the policy", { got: "none" });
    return fail(name, "pcr_not_stated", { reason: "the policy says nothing about this register" });
  }
  if (got !== undefined) return expectBytes(name, "pcr", got, expected);
  if (expected.kind === "any") return open(name, expected.reason, { got: "none" });
  return fail(name, "pcr_missing", { got: "none" });
}

/** What a field that may be absent speaks for. */
interface OptionalAspects {
  readonly value: About;
  readonly absent: About;
}

const ANYTHING: OptionalAspects = { value: detail, absent: detail };
/** A document without the asker's nonce may be any earlier one. */
const FRESHNESS: OptionalAspects = { value: binding, absent: about("instance-identity.unbound") };

function validateOptional(
  { value: { expectBytes, fail, open }, absent }: OptionalAspects,
  name: string,
  code: "public_key" | "user_data" | "nonce",
  got: Uint8Array | undefined,
  expected: OptionalExpectation,
): Check<ValidateCode> {
  if (expected.kind === "absent") {
    return absent.check(got === undefined, name, code, got === undefined ? "none" : `${got.length} bytes`, "none");
  }
  if (got !== undefined) return expectBytes(name, code, got, expected);
  return expected.kind === "any" ? open(name, expected.reason, { got: "none" }) : fail(name, code, { got: "none" });
}
