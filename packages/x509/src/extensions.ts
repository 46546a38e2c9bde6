import {
  type DerElement,
  DerError,
  parseDer,
  readBoolean,
  readCount,
  readNamedBits,
  readOctetString,
  readOid,
  sequence,
  TAG,
} from "@constellation/der";
import { X509Error } from "./error.ts";
import { type GeneralName, readGeneralName } from "./general-name.ts";

/** An extension as it stands in the certificate. */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  /** Contents of the OCTET STRING. */
  readonly value: Uint8Array;
}

/** BasicConstraints (RFC 5280 section 4.2.1.9). */
export interface BasicConstraints {
  readonly ca: boolean;
  readonly pathLength?: number;
}

/** Names of KeyUsage bits by their number (RFC 5280 section 4.2.1.3). */
const KEY_USAGES = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;

/** One purpose of a certificate's key. */
export type KeyUsage = (typeof KEY_USAGES)[number];

/** OIDs of the extensions this package understands. */
const EXTENSION = {
  KEY_USAGE: "2.5.29.15",
  SUBJECT_ALT_NAME: "2.5.29.17",
  BASIC_CONSTRAINTS: "2.5.29.19",
} as const;

const UNDERSTOOD: ReadonlySet<string> = new Set(Object.values(EXTENSION));

/**
 * Extensions by which a CA limits what may be accepted below it: nameConstraints, policyConstraints, inhibitAnyPolicy
 * (RFC 5280 sections 4.2.1.10, 4.2.1.11, 4.2.1.14). None of the chains this package is for has them, so they are not
 * processed; and since passing over a limit would accept too much, they are refused even where they are not critical.
 */
const LIMITS: ReadonlySet<string> = new Set(["2.5.29.30", "2.5.29.36", "2.5.29.54"]);
const MAX_PATH_LENGTH = 255;

/** What the extensions of a certificate say. */
export interface Extensions {
  readonly extensions: readonly Extension[];
  readonly basicConstraints?: BasicConstraints;
  readonly keyUsage?: readonly KeyUsage[];
  readonly subjectAltName?: readonly GeneralName[];
  /**
   * OIDs of critical extensions that this package does not understand, and of limits that it doesn't process, critical
   * or not; `verifyChain` refuses any. Certificate policies that are not critical are neither: no policy is asked for.
   */
  readonly unknownCritical: readonly string[];
}

/** Reads the SEQUENCE of extensions. Throws `DerError`, or `X509Error` "duplicate_extension". */
export function readExtensions(element: DerElement | undefined): Extensions {
  const extensions = element === undefined ? [] : readExtensionList(element, "certificate");
  const value = (oid: string) => extensions.find((extension) => extension.oid === oid)?.value;
  const basicConstraints = value(EXTENSION.BASIC_CONSTRAINTS);
  const keyUsage = value(EXTENSION.KEY_USAGE);
  const subjectAltName = value(EXTENSION.SUBJECT_ALT_NAME);
  return {
    extensions,
    ...(basicConstraints && { basicConstraints: readBasicConstraints(basicConstraints) }),
    ...(keyUsage && { keyUsage: readKeyUsage(keyUsage) }),
    ...(subjectAltName && { subjectAltName: readSubjectAltName(subjectAltName) }),
    unknownCritical: extensions.filter(isRefused).map(({ oid }) => oid),
  };
}

function isRefused({ oid, critical }: Extension): boolean {
  return (critical && !UNDERSTOOD.has(oid)) || LIMITS.has(oid);
}

/**
 * The extensions of a SEQUENCE that must not be empty, each OID once (RFC 5280 section 4.2). `what` names their holder.
 * Throws `DerError`, or `X509Error` "duplicate_extension".
 */
export function readExtensionList(element: DerElement, what: string): Extension[] {
  const members = sequence(element, "Extensions");
  const byOid = new Map<string, Extension>();
  do {
    const extension = readExtension(members.next());
    const { oid } = extension;
    if (byOid.has(oid)) {
      throw new X509Error("duplicate_extension", `Parse ${what} failed: got extension "${oid}" twice, wanted once`);
    }
    byOid.set(oid, extension);
  } while (members.hasMore());
  return [...byOid.values()];
}

function readExtension(element: DerElement): Extension {
  const members = sequence(element, "Extension");
  const oid = readOid(members.required(TAG.OID));
  const critical = readDefaultFalse(members.optional(TAG.BOOLEAN));
  const value = readOctetString(members.required(TAG.OCTET_STRING));
  members.end();
  return { oid, critical, value };
}

/** A BOOLEAN DEFAULT FALSE: DER leaves the default out (X.690 section 11.5). */
function readDefaultFalse(element: DerElement | undefined): boolean {
  if (element === undefined) return false;
  if (!readBoolean(element)) {
    throw new DerError("boolean", "Read BOOLEAN failed: got FALSE where it is the default, wanted it left out");
  }
  return true;
}

function readBasicConstraints(value: Uint8Array): BasicConstraints {
  const members = sequence(parseDer(value), "BasicConstraints");
  const ca = readDefaultFalse(members.optional(TAG.BOOLEAN));
  const pathLength = members.optional(TAG.INTEGER);
  members.end();
  if (pathLength === undefined) return { ca };
  if (!ca) throw new DerError("structure", "Read BasicConstraints failed: got a path length without CA, wanted none");
  return { ca, pathLength: readCount(pathLength, MAX_PATH_LENGTH) };
}

function readKeyUsage(value: Uint8Array): KeyUsage[] {
  const bits = readNamedBits(parseDer(value));
  return Array.from(bits, (bit) => {
    const usage = KEY_USAGES[bit];
    if (usage === undefined) {
      throw new DerError(
        "bit_string",
        `Read KeyUsage failed: got bit "${bit}", wanted "${KEY_USAGES.length - 1}" or less`,
      );
    }
    return usage;
  });
}

function readSubjectAltName(value: Uint8Array): GeneralName[] {
  const element = parseDer(value);
  const members = sequence(element, "SubjectAltName");
  if (element.children.length === 0) members.next();
  return element.children.map(readGeneralName);
}
