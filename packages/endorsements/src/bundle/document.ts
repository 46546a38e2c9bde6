import { bytes, type Field, findingsText, list, object, oneOf, Reader, shown, TIME } from "@constellation/fields";
import { type JsonError, parseStrictJson } from "@constellation/json";
import { EndorsementError } from "../error.ts";
import { CHIP_ID_BYTES, FMSPC_BYTES, TCB_BYTES } from "../vendor/platform.ts";
import {
  authorityKey,
  type Bundle,
  type BundledAuthority,
  type BundledCollateral,
  type BundledVcek,
  collateralKey,
  vcekKey,
} from "./bundle.ts";
import { describeBundle } from "./describe.ts";

/** Largest bundle that is read: some thousand chips. */
export const MAX_BUNDLE_BYTES = 16 * 1024 * 1024;

const MAX_FINDINGS = 20;
const FORMAT = "constellation-endorsements/1";
const PART = bytes(1, MAX_BUNDLE_BYTES);
const PRODUCT = oneOf(["Milan", "Genoa", "Turin"]);

/** Most of each that a bundle has. A list of millions of wrong members would cost much memory before it is refused. */
const MAX_AUTHORITIES = 6;
const MAX_CERTIFICATES = 8;
const MAX_VCEKS = 10_000;
const MAX_COLLATERAL = 1_000;

interface BundleDocument extends Bundle {
  readonly format: typeof FORMAT;
}

const DOCUMENT: Field<BundleDocument> = object<BundleDocument>({
  format: oneOf([FORMAT]),
  createdAt: TIME,
  authorities: listUpTo(
    MAX_AUTHORITIES,
    object<BundledAuthority>({
      product: PRODUCT,
      kind: oneOf(["VCEK", "VLEK"]),
      caChain: listUpTo(MAX_CERTIFICATES, PART),
      crls: listUpTo(MAX_CERTIFICATES, PART),
    }),
  ),
  vceks: listUpTo(
    MAX_VCEKS,
    object<BundledVcek>({
      product: PRODUCT,
      chipId: bytes(CHIP_ID_BYTES),
      tcb: bytes(TCB_BYTES),
      endorsementCert: PART,
    }),
  ),
  tdx: listUpTo(
    MAX_COLLATERAL,
    object<BundledCollateral>({
      fmspc: bytes(FMSPC_BYTES),
      ca: oneOf(["processor", "platform"]),
      collateral: object({
        tcbInfo: PART,
        tcbInfoIssuerChain: PART,
        qeIdentity: PART,
        qeIdentityIssuerChain: PART,
        rootCaCrl: PART,
        pckCrl: PART,
        pckCrlIssuerChain: PART,
      }),
    }),
  ),
});

/** A list whose members are not looked at where there are too many. */
function listUpTo<T>(max: number, item: Field<T>): Field<readonly T[]> {
  const any = list(item);
  return {
    read(reader, path, value) {
      if (!Array.isArray(value) || value.length <= max) return any.read(reader, path, value);
      reader.add(path, shown(value), `${max} or fewer`);
      return [];
    },
    write: (value) => any.write(value),
  };
}

/** Notes the first findings only: a document can have millions of wrong values. */
class BoundedReader extends Reader {
  override add(path: string, got: string, wanted: string): void {
    if (this.findings.length < MAX_FINDINGS) super.add(path, got, wanted);
  }
}

/** The document of a bundle, JSON. Throws `EndorsementError` "bundle_malformed" where `readBundle` would. */
export function writeBundle(bundle: Bundle): string {
  const text = `${JSON.stringify(DOCUMENT.write({ format: FORMAT, ...bundle }), undefined, 2)}\n`;
  readBundle(text);
  return text;
}

/**
 * Reads the document of a bundle. Every part is of its form; whether it is genuine, or over, is for verification to
 * say. Throws `EndorsementError` "bundle_malformed".
 */
export function readBundle(document: Uint8Array | string): Bundle {
  if (document.length > MAX_BUNDLE_BYTES) {
    throw malformed(`${document.length} bytes, wanted ${MAX_BUNDLE_BYTES} or fewer`);
  }
  const { format: _, ...bundle } = readDocument(document);
  try {
    requireUnique([
      ...bundle.authorities.map(authorityKey),
      ...bundle.vceks.map(vcekKey),
      ...bundle.tdx.map(collateralKey),
    ]);
    describeBundle(bundle);
  } catch (cause) {
    if (!(cause instanceof EndorsementError) || cause.code === "bundle_malformed") throw cause;
    throw malformed(cause.message, { cause });
  }
  return bundle;
}

function readDocument(document: Uint8Array | string): BundleDocument {
  const reader = new BoundedReader();
  const read = DOCUMENT.read(reader, "", parseDocument(document));
  if (reader.findings.length === 0) return read;
  throw malformed(findingsText("bundle", reader.findings));
}

function parseDocument(document: Uint8Array | string): unknown {
  try {
    return parseStrictJson(document);
  } catch (cause) {
    throw malformed((cause as JsonError).message, { cause });
  }
}

function requireUnique(keys: readonly string[]): void {
  const seen = new Set<string>();
  for (const key of keys) {
    if (seen.has(key)) throw malformed(`two of ${key}, wanted one`);
    seen.add(key);
  }
}

function malformed(problem: string, options?: ErrorOptions): EndorsementError {
  return new EndorsementError("bundle_malformed", `Read bundle failed: ${problem}`, options);
}
