import { base64, BytesError, fromBase64, fromHex, fromUtf8, hex, utf8 } from "@constellation/bytes";
import { findingsText, readValue, shown } from "@constellation/fields";
import { AttestationError } from "./error.ts";
import {
  PLATFORM_VARIANTS,
  type PlatformEvidence,
  platformEvidenceField,
  type PlatformVariant,
} from "./platform/variants.ts";
import { DIGEST_HEX, PCR_INDICES } from "./pcr-index.ts";
import { parseStrictJson } from "./strict-json.ts";

/** Evidence of a QEMU machine with a virtual TPM. */
export interface QemuVtpmEvidence {
  readonly variant: "qemu-vtpm";
  /** X.509 certificate of the attestation key, DER. */
  readonly akCertificate: Uint8Array;
  /** TPMT_PUBLIC of the attestation key. */
  readonly akPublic: Uint8Array;
  /** TPMS_ATTEST that the attestation key signed. */
  readonly quote: Uint8Array;
  /** TPMT_SIGNATURE over the quote. */
  readonly signature: Uint8Array;
  /** SHA-256 values of PCR 0 to 15. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** TCG event log, crypto-agile format. */
  readonly eventLog: Uint8Array;
}

/** Evidence of any variant. */
export type Evidence = QemuVtpmEvidence | PlatformEvidence;

/** Largest evidence that is looked at. */
export const MAX_EVIDENCE_BYTES = 1024 * 1024;

/** Largest decoded size of each binary field. */
const MAX_FIELD_BYTES = {
  akCertificate: 8 * 1024,
  akPublic: 1024,
  quote: 1024,
  signature: 1024,
  eventLog: 512 * 1024,
} as const;

type BinaryField = keyof typeof MAX_FIELD_BYTES;

const KEYS = ["variant", "akCertificate", "akPublic", "quote", "signature", "pcrs", "eventLog"];

/**
 * Parses evidence: UTF-8 JSON with exactly the documented keys, each once. Nothing in it is verified.
 * Throws `AttestationError` "evidence_too_large", "evidence_malformed" or "variant_unknown".
 */
export function parseEvidence(bytes: Uint8Array): Evidence {
  if (bytes.length > MAX_EVIDENCE_BYTES) {
    throw new AttestationError(
      "evidence_too_large",
      `Parse evidence failed: got "${bytes.length}" bytes, wanted "${MAX_EVIDENCE_BYTES}" or fewer`,
    );
  }
  const fields = objectWith(parseJson(bytes));
  const { variant } = fields;
  if (variant === "qemu-vtpm") return readQemuVtpm(fields);
  const platform = PLATFORM_VARIANTS.find((known) => known === variant);
  if (platform !== undefined) return readPlatform(platform, fields);
  const wanted = ["qemu-vtpm", ...PLATFORM_VARIANTS].map((name) => `"${name}"`).join(", ");
  throw new AttestationError(
    "variant_unknown",
    `Parse evidence failed: got variant ${shown(variant)}, wanted one of ${wanted}`,
  );
}

function readPlatform(variant: PlatformVariant, document: Record<string, unknown>): PlatformEvidence {
  const { value, findings } = readValue(platformEvidenceField(variant), document);
  if (findings === undefined) return value;
  throw new AttestationError("evidence_malformed", `Parse evidence failed: ${findingsText("evidence", findings)}`);
}

function readQemuVtpm(fields: Record<string, unknown>): QemuVtpmEvidence {
  requireKeys("evidence", fields, KEYS);
  return {
    variant: "qemu-vtpm",
    akCertificate: readBinary(fields, "akCertificate"),
    akPublic: readBinary(fields, "akPublic"),
    quote: readBinary(fields, "quote"),
    signature: readBinary(fields, "signature"),
    pcrs: readPcrs(fields["pcrs"]),
    eventLog: readBinary(fields, "eventLog"),
  };
}

/** The bytes of evidence; the inverse of `parseEvidence`. */
export function serializeEvidence(evidence: Evidence): Uint8Array {
  if (evidence.variant !== "qemu-vtpm") {
    return utf8(JSON.stringify(platformEvidenceField(evidence.variant).write(evidence)));
  }
  const { variant, akCertificate, akPublic, quote, signature, pcrs, eventLog } = evidence;
  return utf8(
    JSON.stringify({
      variant,
      akCertificate: base64(akCertificate),
      akPublic: base64(akPublic),
      quote: base64(quote),
      signature: base64(signature),
      pcrs: Object.fromEntries(Array.from(pcrs, ([index, value]) => [index, hex(value)])),
      eventLog: base64(eventLog),
    }),
  );
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(fromUtf8(bytes));
  } catch (cause) {
    const problem = cause instanceof BytesError ? "bytes that are not UTF-8" : "text that is not strict JSON";
    throw malformed(problem, "a JSON object", { cause });
  }
}

function objectWith(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw malformed(shown(value), "a JSON object");
  }
  return value as Record<string, unknown>;
}

function requireKeys(what: string, fields: Record<string, unknown>, keys: readonly string[]): void {
  const unknownKey = Object.keys(fields).find((key) => !keys.includes(key));
  if (unknownKey !== undefined) throw malformed(`${what} with key ${shown(unknownKey)}`, "no other keys");
  const missing = keys.find((key) => !Object.hasOwn(fields, key));
  if (missing !== undefined) throw malformed(`${what} without key "${missing}"`, "all keys");
}

function readBinary(fields: Record<string, unknown>, field: BinaryField): Uint8Array {
  const text = fields[field];
  if (typeof text !== "string") throw malformed(`${field} ${shown(text)}`, "base64 text");
  const bytes = decodeBase64(text, field);
  if (bytes.length > MAX_FIELD_BYTES[field]) {
    throw malformed(`${field} of "${bytes.length}" bytes`, `"${MAX_FIELD_BYTES[field]}" or fewer`);
  }
  return bytes;
}

function decodeBase64(text: string, field: BinaryField): Uint8Array {
  try {
    return fromBase64(text);
  } catch (cause) {
    throw malformed(`${field} that does not decode`, "base64 text", { cause });
  }
}

function readPcrs(value: unknown): Map<number, Uint8Array> {
  const fields = objectWith(value);
  requireKeys("pcrs", fields, PCR_INDICES);
  return new Map(PCR_INDICES.map((index) => [Number(index), readPcr(index, fields[index])]));
}

function readPcr(index: string, value: unknown): Uint8Array {
  if (typeof value !== "string" || !DIGEST_HEX.test(value)) {
    throw malformed(`pcrs.${index} ${shown(value)}`, "64 lower-case hex digits");
  }
  return fromHex(value);
}

function malformed(got: string, wanted: string, options?: ErrorOptions): AttestationError {
  return new AttestationError("evidence_malformed", `Parse evidence failed: got ${got}, wanted ${wanted}`, options);
}
