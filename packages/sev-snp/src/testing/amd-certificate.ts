import { constants, createHash, type KeyObject, sign } from "node:crypto";
import { utf8 } from "@constellation/bytes";
import {
  bits,
  bool,
  count,
  nul,
  octets,
  oid,
  printableString,
  seq,
  set,
  text,
  time,
  tlv,
} from "@constellation/der/testing/der-writer";

const SHA384 = "2.16.840.1.101.3.4.2.2";

/** RSASSA-PSS with SHA-384 and a salt of 48 bytes: the one algorithm of AMD's certificates and CRLs. */
const PSS_SHA384 = seq(
  oid("1.2.840.113549.1.1.10"),
  seq(
    tlv(0xa0, seq(oid(SHA384), nul())),
    tlv(0xa1, seq(oid("1.2.840.113549.1.1.8"), seq(oid(SHA384), nul()))),
    tlv(0xa2, count(48)),
  ),
);

/** What a certificate in AMD's manner says. */
export interface AmdCertificate {
  readonly serialNumber: number;
  readonly issuer: string;
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: KeyObject;
  /** Whole extensions, as `extension` makes them. */
  readonly extensions: readonly Uint8Array[];
}

/** What a CRL in AMD's manner says. */
export interface AmdCrl {
  readonly issuer: string;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly revokedSerialNumbers: readonly number[];
}

/** Issues a certificate, DER. */
export function issueCertificate(certificate: AmdCertificate, issuerKey: KeyObject): Uint8Array {
  const tbs = seq(
    tlv(0xa0, count(2)),
    count(certificate.serialNumber),
    PSS_SHA384,
    amdName(certificate.issuer),
    seq(time(certificate.notBefore), time(certificate.notAfter)),
    amdName(certificate.subject),
    certificate.publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, seq(...certificate.extensions)),
  );
  return signed(tbs, issuerKey);
}

/** Issues a CRL, DER. */
export function issueCrl(crl: AmdCrl, issuerKey: KeyObject): Uint8Array {
  const entries = crl.revokedSerialNumbers.map((serial) => seq(count(serial), time(crl.thisUpdate)));
  const tbs = seq(
    count(1),
    PSS_SHA384,
    amdName(crl.issuer),
    time(crl.thisUpdate),
    time(crl.nextUpdate),
    ...(entries.length === 0 ? [] : [seq(...entries)]),
  );
  return signed(tbs, issuerKey);
}

/** An Extension; `value` is what stands in its OCTET STRING. */
export function extension(id: string, value: Uint8Array, critical = false): Uint8Array {
  return seq(oid(id), ...(critical ? [bool(true)] : []), octets(value));
}

/** Extensions of an ARK, ASK or ASVK. An ARK issues CRLs too and has no path length. */
export function caExtensions(
  publicKey: KeyObject,
  issuerKey: KeyObject | undefined,
  crlUrl: string,
): readonly Uint8Array[] {
  const isRoot = issuerKey === undefined;
  return [
    extension("2.5.29.14", octets(keyIdentifier(publicKey))),
    ...(isRoot ? [] : [extension("2.5.29.35", seq(tlv(0x80, keyIdentifier(issuerKey))))]),
    extension("2.5.29.19", seq(bool(true), ...(isRoot ? [] : [count(0)])), true),
    extension("2.5.29.15", isRoot ? bits(Uint8Array.of(0x06), 1) : bits(Uint8Array.of(0x04), 2), true),
    extension("2.5.29.31", seq(seq(tlv(0xa0, tlv(0xa0, tlv(0x86, utf8(crlUrl))))))),
  ];
}

/** A distinguished name with the attributes of AMD, whose organisational unit says that it is none of theirs. */
function amdName(commonName: string): Uint8Array {
  const attribute = (type: string, value: Uint8Array) => set(seq(oid(type), value));
  return seq(
    attribute("2.5.4.11", text("Constellation FAKE")),
    attribute("2.5.4.6", printableString("US")),
    attribute("2.5.4.7", text("Santa Clara")),
    attribute("2.5.4.8", text("CA")),
    attribute("2.5.4.10", text("Advanced Micro Devices")),
    attribute("2.5.4.3", text(commonName)),
  );
}

function keyIdentifier(key: KeyObject): Uint8Array {
  return createHash("sha1")
    .update(key.export({ type: "spki", format: "der" }))
    .digest();
}

function signed(tbs: Uint8Array, key: KeyObject): Uint8Array {
  const signature = sign("sha384", tbs, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 });
  return seq(tbs, PSS_SHA384, bits(signature));
}
