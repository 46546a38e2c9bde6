import { hex } from "@constellation/bytes";
import {
  contextConstructed,
  type DerElement,
  DerError,
  explicit,
  type Members,
  parseDer,
  readBitStringBytes,
  readCount,
  readIntegerBytes,
  readTime,
  sequence,
} from "@constellation/der";
import { type AlgorithmIdentifier, readAlgorithm, readInnerAlgorithm } from "./algorithm-identifier.ts";
import { X509Error } from "./error.ts";
import { type Extensions, readExtensions } from "./extensions.ts";
import { type Name, readName } from "./name.ts";

/** A parsed X.509 v3 certificate. Nothing in it is verified; see `verifyChain`. Byte arrays are views of the input. */
export interface Certificate extends Extensions {
  readonly der: Uint8Array;
  /** The signed part (TBSCertificate). */
  readonly tbs: Uint8Array;
  /** Two's complement octets in hexadecimal. Not always positive, against RFC 5280 section 4.1.2.2: AMD issues zero. */
  readonly serialNumber: string;
  readonly issuer: Name;
  /** Without attributes where the subject is named by its alternative names only, as in Google's TPM certificates. */
  readonly subject: Name;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
}

/** What to call a certificate: its subject, or its serial number where that is empty (RFC 5280 section 4.1.2.6). */
export function certificateName({ subject, serialNumber }: Certificate): string {
  return subject.text === "" ? `serial ${serialNumber}` : subject.text;
}

const VERSION_3 = 2;
const MAX_VERSION = 255;

/** Parses a DER certificate (RFC 5280 section 4.1). Throws `X509Error`. */
export function parseCertificate(der: Uint8Array): Certificate {
  try {
    return readCertificate(parseDer(der));
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new X509Error("malformed", `Parse certificate failed: ${cause.message}`, { cause });
  }
}

function readCertificate(element: DerElement): Certificate {
  const members = sequence(element, "Certificate");
  const tbs = members.next();
  const signatureAlgorithm = readAlgorithm(members.next());
  const signature = readBitStringBytes(members.next());
  members.end();
  return { der: element.encoding, ...readTbs(tbs, signatureAlgorithm), signatureAlgorithm, signature };
}

function readTbs(
  element: DerElement,
  outer: AlgorithmIdentifier,
): Omit<Certificate, "der" | "signature" | "signatureAlgorithm"> {
  const members = sequence(element, "TBSCertificate");
  readVersion(members);
  const serialNumber = hex(readIntegerBytes(members.next()));
  readInnerAlgorithm(members.next(), outer, "certificate");
  const issuer = readName(members.next());
  const validity = readValidity(members.next());
  const subject = readName(members.next());
  const spki = readSpki(members.next());
  const extensions = members.optional(contextConstructed(3));
  members.end();
  return {
    tbs: element.encoding,
    serialNumber,
    issuer,
    subject,
    ...validity,
    spki,
    ...readExtensions(extensions && explicit(extensions, "Extensions")),
  };
}

function readVersion(members: Members): void {
  const tagged = members.optional(contextConstructed(0));
  const version = tagged === undefined ? 0 : readCount(explicit(tagged, "Version"), MAX_VERSION);
  if (version !== VERSION_3) {
    throw new X509Error("version", `Parse certificate failed: got version "v${version + 1}", wanted "v3"`);
  }
}

function readValidity(element: DerElement): Pick<Certificate, "notBefore" | "notAfter"> {
  const members = sequence(element, "Validity");
  const notBefore = readTime(members.next());
  const notAfter = readTime(members.next());
  members.end();
  return { notBefore, notAfter };
}

function readSpki(element: DerElement): Uint8Array {
  const members = sequence(element, "SubjectPublicKeyInfo");
  readAlgorithm(members.next());
  readBitStringBytes(members.next());
  members.end();
  return element.encoding;
}

/** The SubjectPublicKeyInfo of a certificate in DER. */
export function spkiDer(certificate: Certificate): Uint8Array {
  return certificate.spki;
}

/** All URIs among the subject alternative names, in order. */
export function subjectAltNameUris(certificate: Certificate): string[] {
  return (certificate.subjectAltName ?? []).flatMap((name) => (name.kind === "uri" ? [name.value] : []));
}
