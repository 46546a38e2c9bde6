import {
  contextConstructed,
  type DerElement,
  DerError,
  type DerLimits,
  explicit,
  type Members,
  parseDer,
  readBitStringBytes,
  readCount,
  readIntegerBytes,
  readTime,
  sequence,
  TAG,
} from "@constellation/der";
import { type AlgorithmIdentifier, readAlgorithm, readInnerAlgorithm } from "./algorithm-identifier.ts";
import { type CrlExtensions, CrlExtensionReader } from "./crl-extensions.ts";
import { X509Error } from "./error.ts";
import { type Name, readName } from "./name.ts";
import { RevokedCertificates } from "./revoked-certificates.ts";

/** A parsed X.509 v2 CRL. Nothing in it is verified; see `verifyCrl`. Byte arrays are views of the input. */
export interface Crl extends CrlExtensions {
  readonly der: Uint8Array;
  /** The signed part (TBSCertList). */
  readonly tbs: Uint8Array;
  readonly issuer: Name;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly revokedCertificates: RevokedCertificates;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
}

/** Only the list of entries may be long; all else is bounded as in certificates. */
const MAX_PART_BYTES = 64 * 1024;
const LIMITS: DerLimits = { maxSizeBytes: 16 * 1024 * 1024, maxDepth: 16 };
const VERSION_2 = 1;
const MAX_VERSION = 255;

/**
 * Parses a DER CRL (RFC 5280 section 5.1). Only v2 with nextUpdate, which that profile demands of issuers: an older
 * form can neither say what it leaves out nor when it ends. Throws `X509Error`.
 */
export function parseCrl(der: Uint8Array): Crl {
  try {
    return readCrl(parseDer(der, LIMITS));
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new X509Error("malformed", `Parse CRL failed: ${cause.message}`, { cause });
  }
}

function readCrl(element: DerElement): Crl {
  const members = sequence(element, "CertificateList");
  const tbs = members.next();
  const signatureAlgorithm = readAlgorithm(part(members.next()));
  const signature = readBitStringBytes(members.next());
  members.end();
  return { der: element.encoding, ...readTbs(tbs, signatureAlgorithm), signatureAlgorithm, signature };
}

function readTbs(
  element: DerElement,
  outer: AlgorithmIdentifier,
): Omit<Crl, "der" | "signature" | "signatureAlgorithm"> {
  const members = sequence(element, "TBSCertList");
  const extensions = new CrlExtensionReader();
  readVersion(members);
  readInnerAlgorithm(part(members.next()), outer, "CRL");
  const issuer = readName(part(members.next()));
  const thisUpdate = readTime(members.next());
  const nextUpdate = readTime(members.next());
  const revokedCertificates = readRevoked(members.optional(TAG.SEQUENCE), element.encoding, extensions);
  const crlExtensions = members.optional(contextConstructed(0));
  members.end();
  if (crlExtensions !== undefined) extensions.readOfCrl(explicit(part(crlExtensions), "crlExtensions"));
  return { tbs: element.encoding, issuer, thisUpdate, nextUpdate, revokedCertificates, ...extensions.result() };
}

/** Refuses a part that is longer than any real one. */
function part(element: DerElement): DerElement {
  const { size } = element;
  if (size > MAX_PART_BYTES) {
    throw new DerError(
      "too_large",
      `Read CRL failed: got a part of "${size}" bytes, wanted "${MAX_PART_BYTES}" or fewer`,
    );
  }
  return element;
}

/** RFC 5280 section 5.1.2.1: left out, the version is v1. */
function readVersion(members: Members): void {
  const version = members.optional(TAG.INTEGER);
  const value = version === undefined ? 0 : readCount(version, MAX_VERSION);
  if (value !== VERSION_2) {
    throw new X509Error("version", `Parse CRL failed: got version "v${value + 1}", wanted "v2"`);
  }
}

/** RFC 5280 section 5.1.2.6. A list that is there and empty is taken for one that is not there. */
function readRevoked(
  list: DerElement | undefined,
  tbs: Uint8Array,
  extensions: CrlExtensionReader,
): RevokedCertificates {
  const spans: number[] = [];
  for (let entry = list?.childAfter(); entry !== undefined; entry = list?.childAfter(entry)) {
    const serialNumber = readEntry(entry, extensions);
    const start = serialNumber.byteOffset - tbs.byteOffset;
    spans.push(start, start + serialNumber.length);
  }
  return new RevokedCertificates(tbs, Uint32Array.from(spans));
}

/** The serial number of an entry; a listed certificate counts as revoked whatever the date and reason. */
function readEntry(entry: DerElement, extensions: CrlExtensionReader): Uint8Array {
  const members = sequence(part(entry), "revokedCertificates");
  const serialNumber = readIntegerBytes(members.next());
  readTime(members.next());
  const entryExtensions = members.optional(TAG.SEQUENCE);
  members.end();
  if (entryExtensions !== undefined) extensions.readOfEntry(entryExtensions);
  return serialNumber;
}
