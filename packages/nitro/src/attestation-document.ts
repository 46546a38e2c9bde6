import { type CborMap, type CborValue, CoseError, parseCbor, parseSign1, type Sign1 } from "@constellation/cose";
import { NitroError } from "./error.ts";
import { Fields, type SizeBytes, sizedBytes, wrong } from "./fields.ts";

/** Whether an enclave is attested, by `pcrs`, or an instance, by `nitrotpm_pcrs`. Their registers have no meaning in common. */
export type DocumentKind = "enclave" | "nitrotpm";

/** A parsed AttestationDocument. Nothing in it is verified; see `verifyDocument`. Byte arrays are views of the input. */
export interface AttestationDocument {
  readonly kind: DocumentKind;
  /** module_id: which hypervisor module issued it. */
  readonly moduleId: string;
  /** When it was made, in milliseconds since 1970. */
  readonly timestampMs: number;
  /** How the registers are computed. */
  readonly digest: "SHA384";
  /** pcrs or nitrotpm_pcrs: register values of 48 bytes. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** The certificate of the key that signed, DER. */
  readonly certificate: Uint8Array;
  /** Certificates of the issuers, root first, DER. */
  readonly cabundle: readonly Uint8Array[];
  /** public_key, user_data and nonce: whatever the attested software asked to be signed. */
  readonly publicKey?: Uint8Array;
  readonly userData?: Uint8Array;
  readonly nonce?: Uint8Array;
}

/** An attestation document with the message that it came in. */
export interface SignedDocument {
  readonly message: Sign1;
  readonly document: AttestationDocument;
}

/** Registers by kind of document. */
export const PCRS_FIELD: Readonly<Record<DocumentKind, "pcrs" | "nitrotpm_pcrs">> = {
  enclave: "pcrs",
  nitrotpm: "nitrotpm_pcrs",
};

const FIELDS = ["module_id", "timestamp", "digest", "certificate", "cabundle", "public_key", "user_data", "nonce"];

/** AWS Nitro Enclaves user guide, "Verifying the root of trust", and EC2 user guide, "Validate a NitroTPM Attestation Document". */
const PAYLOAD_BYTES: SizeBytes = { min: 1, max: 16_384 };
const CERTIFICATE_BYTES: SizeBytes = { min: 1, max: 1024 };
const PUBLIC_KEY_BYTES: SizeBytes = { min: 1, max: 1024 };
const USER_DATA_BYTES: SizeBytes = { min: 0, max: 1024 };
/** The specification lists 32, 48 and 64 bytes, but SHA384 as the only digest. */
const PCR_BYTES: SizeBytes = { min: 48, max: 48 };
const MAX_PCRS = 32;
/** As many as a chain may have. */
const MAX_CABUNDLE = 8;
/** The last millisecond that a Date can tell. */
const MAX_TIMESTAMP = 8_640_000_000_000_000n;

/**
 * Parses an attestation document of a Nitro enclave or of NitroTPM: a COSE_Sign1 around a map with exactly the fields of
 * AWS's specification, of its types and sizes. Throws `NitroError`.
 */
export function parseDocument(bytes: Uint8Array): SignedDocument {
  const message = readCose(() => parseSign1(bytes));
  sizedBytes("payload", message.payload, PAYLOAD_BYTES);
  return { message, document: readDocument(readCose(() => parseCbor(message.payload))) };
}

function readCose<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new NitroError(`document_${cause.code}`, `Parse attestation document failed: ${cause.message}`, { cause });
  }
}

function readDocument(value: CborValue): AttestationDocument {
  const fields = new Fields(value);
  const kind = fields.has(PCRS_FIELD.nitrotpm) ? "nitrotpm" : "enclave";
  fields.only([...FIELDS, PCRS_FIELD[kind]]);
  const publicKey = fields.optionalBytes("public_key", PUBLIC_KEY_BYTES);
  const userData = fields.optionalBytes("user_data", USER_DATA_BYTES);
  const nonce = fields.optionalBytes("nonce", USER_DATA_BYTES);
  return {
    kind,
    moduleId: readModuleId(fields),
    timestampMs: readTimestamp(fields),
    digest: readDigest(fields),
    pcrs: readPcrs(PCRS_FIELD[kind], fields.required(PCRS_FIELD[kind])),
    certificate: fields.bytes("certificate", CERTIFICATE_BYTES),
    cabundle: readCabundle(fields.required("cabundle")),
    ...(publicKey && { publicKey }),
    ...(userData && { userData }),
    ...(nonce && { nonce }),
  };
}

function readModuleId(fields: Fields): string {
  const moduleId = fields.text("module_id");
  if (moduleId === "") throw wrong("module_id", "no characters", "one or more");
  return moduleId;
}

function readTimestamp(fields: Fields): number {
  const timestamp = fields.integer("timestamp");
  if (timestamp <= 0n || timestamp > MAX_TIMESTAMP) {
    throw wrong("timestamp", `"${timestamp}" ms`, `"1" to "${MAX_TIMESTAMP}"`);
  }
  return Number(timestamp);
}

function readDigest(fields: Fields): "SHA384" {
  const digest = fields.text("digest");
  if (digest !== "SHA384") throw wrong("digest", JSON.stringify(digest), '"SHA384"');
  return digest;
}

function readPcrs(name: string, value: CborValue): Map<number, Uint8Array> {
  if (!(value instanceof Map)) throw wrong(name, "another type", "a map");
  const pcrs = value as CborMap;
  if (pcrs.size === 0 || pcrs.size > MAX_PCRS) throw wrong(name, `"${pcrs.size}" registers`, `"1" to "${MAX_PCRS}"`);
  return new Map(
    Array.from(pcrs, ([index, contents]) => {
      if (typeof index !== "bigint" || index < 0n || index >= BigInt(MAX_PCRS)) {
        throw wrong(name, "another index", `"0" to "${MAX_PCRS - 1}"`);
      }
      return [Number(index), sizedBytes(`${name}.${index}`, contents, PCR_BYTES)];
    }),
  );
}

function readCabundle(value: CborValue): Uint8Array[] {
  if (!Array.isArray(value)) throw wrong("cabundle", "another type", "an array");
  const bundle = value as CborValue[];
  if (bundle.length === 0 || bundle.length > MAX_CABUNDLE) {
    throw wrong("cabundle", `"${bundle.length}" certificates`, `"1" to "${MAX_CABUNDLE}"`);
  }
  return bundle.map((certificate, index) => sizedBytes(`cabundle.${index}`, certificate, CERTIFICATE_BYTES));
}
