import type { Cursor } from "@constellation/bytes";
import { TPM_ALG, TPM_ECC } from "./constants.ts";
import { TpmError } from "./error.ts";
import { parseWhole, readSized } from "./reading.ts";
import { Writer } from "./writer.ts";

/** TPMT_SYM_DEF_OBJECT: absent, or AES with a key size and mode. */
export type SymmetricDefinition =
  | { readonly algorithm: typeof TPM_ALG.NULL }
  | { readonly algorithm: typeof TPM_ALG.AES; readonly keyBits: number; readonly mode: number };

/** TPMT_ASYM_SCHEME or TPMT_KDF_SCHEME: TPM_ALG_NULL and RSAES stand alone, every other scheme has its hash. */
export interface Scheme {
  readonly scheme: number;
  readonly hashAlg?: number;
}

interface PublicCommon {
  readonly nameAlg: number;
  /** TPMA_OBJECT, all 32 bits as they stand. */
  readonly objectAttributes: number;
  readonly authPolicy: Uint8Array;
}

/** TPMT_PUBLIC of an ECC key (Part 2, 12.2.4). */
export interface EccPublic extends PublicCommon {
  readonly type: typeof TPM_ALG.ECC;
  readonly parameters: {
    readonly symmetric: SymmetricDefinition;
    readonly scheme: Scheme;
    readonly curveID: number;
    readonly kdf: Scheme;
  };
  /** The point; in a template each coordinate may be shorter than the curve's field. */
  readonly unique: { readonly x: Uint8Array; readonly y: Uint8Array };
}

/** TPMT_PUBLIC of an RSA key (Part 2, 12.2.4). */
export interface RsaPublic extends PublicCommon {
  readonly type: typeof TPM_ALG.RSA;
  readonly parameters: {
    readonly symmetric: SymmetricDefinition;
    readonly scheme: Scheme;
    readonly keyBits: number;
    /** 0 stands for 65537. */
    readonly exponent: number;
  };
  readonly unique: Uint8Array;
}

/** The public area of an asymmetric TPM key. */
export type TpmtPublic = EccPublic | RsaPublic;

const MAX_COORDINATE_BYTES = 66;
const MAX_RSA_BYTES = 512;
const MAX_DIGEST_BYTES = 64;

/**
 * Parses a TPMT_PUBLIC (Part 2, 12.2.4) of an RSA or ECC key.
 * @throws TpmError `malformed` on truncated or trailing data, `unsupported` on other key types and schemes
 */
export function parsePublic(bytes: Uint8Array): TpmtPublic {
  return parseWhole("TPMT_PUBLIC", bytes, readPublicArea);
}

/** Reads a TPMT_PUBLIC out of a larger structure. */
function readPublicArea(cursor: Cursor): TpmtPublic {
  const type = cursor.u16be();
  const common = {
    nameAlg: cursor.u16be(),
    objectAttributes: cursor.u32be(),
    authPolicy: readSized(cursor, "TPMT_PUBLIC.authPolicy", MAX_DIGEST_BYTES),
  };
  if (type === TPM_ALG.ECC) return { type, ...common, ...readEcc(cursor) };
  if (type === TPM_ALG.RSA) return { type, ...common, ...readRsa(cursor) };
  throw new TpmError("unsupported", `Parse TPMT_PUBLIC failed: got key type "${hex16(type)}", wanted ECC or RSA`);
}

/** The TPMT_PUBLIC as the TPM marshals it; the inverse of {@link parsePublic}. */
export function serializePublic(area: TpmtPublic): Uint8Array {
  const writer = new Writer().u16(area.type).u16(area.nameAlg).u32(area.objectAttributes).sized(area.authPolicy);
  writeSymmetric(writer, area.parameters.symmetric);
  writeScheme(writer, area.parameters.scheme);
  if (area.type === TPM_ALG.RSA) {
    return writer.u16(area.parameters.keyBits).u32(area.parameters.exponent).sized(area.unique).finish();
  }
  writer.u16(area.parameters.curveID);
  writeScheme(writer, area.parameters.kdf);
  return writer.sized(area.unique.x).sized(area.unique.y).finish();
}

function readEcc(cursor: Cursor): Pick<EccPublic, "parameters" | "unique"> {
  const parameters = {
    symmetric: readSymmetric(cursor),
    scheme: readScheme(cursor, "scheme"),
    curveID: readCurve(cursor),
    kdf: readScheme(cursor, "kdf"),
  };
  const x = readSized(cursor, "TPMS_ECC_POINT.x", MAX_COORDINATE_BYTES);
  const y = readSized(cursor, "TPMS_ECC_POINT.y", MAX_COORDINATE_BYTES);
  return { parameters, unique: { x, y } };
}

function readCurve(cursor: Cursor): number {
  const curveID = cursor.u16be();
  if (curveID === TPM_ECC.NIST_P256 || curveID === TPM_ECC.NIST_P384) return curveID;
  throw new TpmError("unsupported", `Parse TPMT_PUBLIC failed: got curve "${hex16(curveID)}", wanted P-256 or P-384`);
}

function readRsa(cursor: Cursor): Pick<RsaPublic, "parameters" | "unique"> {
  const parameters = {
    symmetric: readSymmetric(cursor),
    scheme: readScheme(cursor, "scheme"),
    keyBits: cursor.u16be(),
    exponent: cursor.u32be(),
  };
  return { parameters, unique: readSized(cursor, "TPM2B_PUBLIC_KEY_RSA", MAX_RSA_BYTES) };
}

function readSymmetric(cursor: Cursor): SymmetricDefinition {
  const algorithm = cursor.u16be();
  if (algorithm === TPM_ALG.NULL) return { algorithm };
  if (algorithm === TPM_ALG.AES) return { algorithm, keyBits: cursor.u16be(), mode: cursor.u16be() };
  throw new TpmError(
    "unsupported",
    `Parse TPMT_PUBLIC failed: got symmetric "${hex16(algorithm)}", wanted AES or none`,
  );
}

const HASHED_SCHEMES: ReadonlySet<number> = new Set([
  TPM_ALG.RSASSA,
  TPM_ALG.RSAPSS,
  TPM_ALG.OAEP,
  TPM_ALG.ECDSA,
  0x0007, // MGF1
  0x0019, // ECDH
  0x0020, // KDF1_SP800_56A
  0x0021, // KDF2
  0x0022, // KDF1_SP800_108
]);

function readScheme(cursor: Cursor, field: string): Scheme {
  const scheme = cursor.u16be();
  if (scheme === TPM_ALG.NULL || scheme === TPM_ALG.RSAES) return { scheme };
  if (HASHED_SCHEMES.has(scheme)) return { scheme, hashAlg: cursor.u16be() };
  throw new TpmError("unsupported", `Parse TPMT_PUBLIC failed: got ${field} "${hex16(scheme)}", wanted a known scheme`);
}

function writeSymmetric(writer: Writer, symmetric: SymmetricDefinition): void {
  writer.u16(symmetric.algorithm);
  if (symmetric.algorithm === TPM_ALG.AES) writer.u16(symmetric.keyBits).u16(symmetric.mode);
}

function writeScheme(writer: Writer, scheme: Scheme): void {
  writer.u16(scheme.scheme);
  if (scheme.hashAlg !== undefined) writer.u16(scheme.hashAlg);
}

function hex16(value: number): string {
  return `0x${value.toString(16).padStart(4, "0")}`;
}
