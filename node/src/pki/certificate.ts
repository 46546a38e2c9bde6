import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIPv4 } from "node:net";
import { type Certificate, derToPem, parseCertificate, pemToDer } from "@constellation/x509";
import {
  bitString,
  booleanTrue,
  context,
  integer,
  octetString,
  oid,
  sequence,
  setOf,
  utcTime,
  utf8String,
} from "./der-writer.ts";

/** A subject of one organisation (Kubernetes: group) and one common name (Kubernetes: user). */
export interface Subject {
  commonName: string;
  organization?: string;
}

/** Who may be reached under a certificate. */
export type AltName = { dns: string } | { ip: string } | { uri: string };

/** What a certificate is for. */
export type Usage = "ca" | "client" | "server" | "client-and-server";

export interface CertificateRequest {
  subject: Subject;
  publicKey: KeyObject;
  usage: Usage;
  altNames: readonly AltName[];
  notBefore: Date;
  notAfter: Date;
}

/** A certificate authority that signs with P-256, or with whatever key kubeadm gave it. */
export interface Authority {
  certificatePem: string;
  privateKey: KeyObject;
}

const OID = {
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
} as const;

const SERIAL_BYTES = 16;

/** A new P-256 key pair. */
export function createKeyPair(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

/** A private key as PKCS #8 PEM. */
export function privateKeyPem(key: KeyObject): string {
  return String(key.export({ type: "pkcs8", format: "pem" }));
}

/** Issues a certificate (RFC 5280, version 3), PEM. The authority's key must be an ECDSA key. */
export function issueCertificate(request: CertificateRequest, authority: Authority): string {
  const issuer = parseCertificate(pemToDer(authority.certificatePem));
  return signedCertificate(request, issuer.subject.der, authority.privateKey, subjectKeyId(issuer));
}

/** Issues the certificate of a new authority, signed by itself, PEM. */
export function issueSelfSigned(request: CertificateRequest, privateKey: KeyObject): string {
  return signedCertificate(request, encodeName(request.subject), privateKey, keyId(request.publicKey));
}

/** A certificate request (PKCS #10, RFC 2986), DER, signed with the key it is about. */
export function createCertificateRequest(
  subject: Subject,
  keys: { publicKey: KeyObject; privateKey: KeyObject },
): Uint8Array {
  const info = sequence(integer(Uint8Array.of(0)), encodeName(subject), spki(keys.publicKey), context(0, true));
  return signedBy(info, keys.privateKey);
}

function signedCertificate(
  request: CertificateRequest,
  issuer: Uint8Array,
  issuerKey: KeyObject,
  issuerKeyId: Uint8Array | undefined,
): string {
  const serial = Uint8Array.from(randomBytes(SERIAL_BYTES));
  // The first bit set would make the number negative to some readers, the byte zero would make it shorter.
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const body = sequence(
    context(0, true, integer(Uint8Array.of(2))),
    integer(serial),
    sequence(oid(OID.ecdsaWithSha256)),
    issuer,
    sequence(utcTime(request.notBefore), utcTime(request.notAfter)),
    encodeName(request.subject),
    spki(request.publicKey),
    context(3, true, sequence(...extensions(request, issuerKeyId))),
  );
  return derToPem(signedBy(body, issuerKey));
}

function extensions(request: CertificateRequest, issuerKeyId: Uint8Array | undefined): Uint8Array[] {
  const { usage, altNames } = request;
  const isCa = usage === "ca";
  const list = [
    extension(OID.basicConstraints, true, isCa ? sequence(booleanTrue()) : sequence()),
    // Bits from the left: digitalSignature 0, keyCertSign 5, cRLSign 6 (RFC 5280, section 4.2.1.3).
    extension(OID.keyUsage, true, isCa ? bitString(Uint8Array.of(0b10000110), 1) : bitString(Uint8Array.of(0x80), 7)),
    extension(OID.subjectKeyIdentifier, false, octetString(keyId(request.publicKey))),
  ];
  if (issuerKeyId !== undefined) {
    list.push(extension(OID.authorityKeyIdentifier, false, sequence(context(0, false, issuerKeyId))));
  }
  const purposes = extendedUsages(usage);
  if (purposes.length > 0) list.push(extension(OID.extKeyUsage, false, sequence(...purposes.map(oid))));
  if (altNames.length > 0) {
    list.push(extension(OID.subjectAltName, false, sequence(...altNames.map(encodeAltName))));
  }
  return list;
}

function extendedUsages(usage: Usage): string[] {
  switch (usage) {
    case "ca":
      return [];
    case "client":
      return [OID.clientAuth];
    case "server":
      return [OID.serverAuth];
    case "client-and-server":
      return [OID.clientAuth, OID.serverAuth];
  }
}

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(critical ? [booleanTrue()] : []), octetString(value));
}

// GeneralName (RFC 5280, section 4.2.1.6): dNSName [2], uniformResourceIdentifier [6], iPAddress [7].
function encodeAltName(name: AltName): Uint8Array {
  const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
  if ("dns" in name) return context(2, false, ascii(name.dns));
  if ("uri" in name) return context(6, false, ascii(name.uri));
  if (!isIPv4(name.ip)) throw new RangeError(`Encode subject alternative name failed: got "${name.ip}", wanted IPv4`);
  return context(7, false, Uint8Array.from(name.ip.split(".").map(Number)));
}

function encodeName({ commonName, organization }: Subject): Uint8Array {
  const attribute = (id: string, value: string): Uint8Array => setOf(sequence(oid(id), utf8String(value)));
  const organizations = organization === undefined ? [] : [attribute(OID.organization, organization)];
  return sequence(...organizations, attribute(OID.commonName, commonName));
}

function signedBy(body: Uint8Array, key: KeyObject): Uint8Array {
  if (key.asymmetricKeyType !== "ec") {
    throw new TypeError(`Sign certificate failed: got key type "${key.asymmetricKeyType}", wanted "ec"`);
  }
  const signature = sign("sha256", body, { key, dsaEncoding: "der" });
  return sequence(body, sequence(oid(OID.ecdsaWithSha256)), bitString(new Uint8Array(signature)));
}

function spki(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ type: "spki", format: "der" }));
}

/** RFC 7093, method 1: the leftmost 160 bits of SHA-256 over the key. */
function keyId(key: KeyObject): Uint8Array {
  return new Uint8Array(createHash("sha256").update(spki(key)).digest().subarray(0, 20));
}

/** The issuer's own name for its key, or undefined where it has none. The extension holds one short OCTET STRING. */
function subjectKeyId(issuer: Certificate): Uint8Array | undefined {
  return issuer.extensions.find((entry) => entry.oid === OID.subjectKeyIdentifier)?.value.subarray(2);
}
