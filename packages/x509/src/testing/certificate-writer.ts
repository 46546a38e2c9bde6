import { constants, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { bits, bool, int, nul, octets, oid, seq, set, text, time, tlv } from "@constellation/der/testing/der-writer";

/** A key pair of node:crypto. */
export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export const OID = {
  ecdsaSha256: "1.2.840.10045.4.3.2",
  ecdsaSha384: "1.2.840.10045.4.3.3",
  rsaSha256: "1.2.840.113549.1.1.11",
  rsaSha384: "1.2.840.113549.1.1.12",
  rsaPss: "1.2.840.113549.1.1.10",
  mgf1: "1.2.840.113549.1.1.8",
  sha1: "1.3.14.3.2.26",
  sha256: "2.16.840.1.101.3.4.2.1",
  sha384: "2.16.840.1.101.3.4.2.2",
} as const;

export const NOT_BEFORE = new Date("2025-01-01T00:00:00Z");
export const NOT_AFTER = new Date("2055-01-01T00:00:00Z");
export const NOW = new Date("2026-01-01T00:00:00Z");

export const p256 = (): KeyPair => generateKeyPairSync("ec", { namedCurve: "P-256" });
export const p384 = (): KeyPair => generateKeyPairSync("ec", { namedCurve: "P-384" });
export const rsa = (modulusLength = 2048): KeyPair => generateKeyPairSync("rsa", { modulusLength });

/** How to sign, and the AlgorithmIdentifier that says so. */
export interface Signer {
  readonly algorithm: Uint8Array;
  readonly sign: (tbs: Uint8Array, key: KeyObject) => Uint8Array;
}

export const ecdsaSha256: Signer = {
  algorithm: seq(oid(OID.ecdsaSha256)),
  sign: (tbs, key) => sign("sha256", tbs, { key, dsaEncoding: "der" }),
};

export const ecdsaSha384: Signer = {
  algorithm: seq(oid(OID.ecdsaSha384)),
  sign: (tbs, key) => sign("sha384", tbs, { key, dsaEncoding: "der" }),
};

export const rsaSha256: Signer = {
  algorithm: seq(oid(OID.rsaSha256), nul()),
  sign: (tbs, key) => sign("sha256", tbs, key),
};

/** RSASSA-PSS parameters with the given hashes and salt. */
export function pssAlgorithm(hash: string, maskHash: string, saltLength: number, ...others: Uint8Array[]): Uint8Array {
  return seq(
    oid(OID.rsaPss),
    seq(
      tlv(0xa0, seq(oid(hash), nul())),
      tlv(0xa1, seq(oid(OID.mgf1), seq(oid(maskHash)))),
      tlv(0xa2, int(saltLength)),
      ...others,
    ),
  );
}

export const pssSha256: Signer = {
  algorithm: pssAlgorithm(OID.sha256, OID.sha256, 32, tlv(0xa3, int(1))),
  sign: (tbs, key) => sign("sha256", tbs, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
};

/** As AMD's keys sign: RSASSA-PSS, SHA-384, a salt of 48 bytes. */
export const pssSha384: Signer = {
  algorithm: pssAlgorithm(OID.sha384, OID.sha384, 48, tlv(0xa3, int(1))),
  sign: (tbs, key) => sign("sha384", tbs, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }),
};

/** An Extension; `value` is what stands in its OCTET STRING. */
export function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return seq(oid(id), ...(critical ? [bool(true)] : []), octets(value));
}

export const basicConstraints = (ca: boolean, pathLength?: number): Uint8Array =>
  extension(
    "2.5.29.19",
    true,
    seq(...(ca ? [bool(true)] : []), ...(pathLength === undefined ? [] : [int(pathLength)])),
  );

/** KeyUsage from the octet and its unused bits. */
export const keyUsage = (octet: number, unused: number): Uint8Array =>
  extension("2.5.29.15", true, bits(Uint8Array.of(octet), unused));

export const CERT_SIGN = keyUsage(0x04, 2);
export const DIGITAL_SIGNATURE = keyUsage(0x80, 7);

export const subjectAltName = (...names: readonly Uint8Array[]): Uint8Array =>
  extension("2.5.29.17", false, seq(...names));

/** A name with one common name. */
export const name = (commonName: string): Uint8Array => seq(set(seq(oid("2.5.4.3"), text(commonName))));

/** Parts of a certificate as DER; all have defaults. */
export interface CertificateParts {
  readonly version?: Uint8Array;
  readonly serial?: Uint8Array;
  readonly innerAlgorithm?: Uint8Array;
  readonly issuer?: Uint8Array;
  readonly validity?: Uint8Array;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly subject?: Uint8Array;
  readonly spki?: Uint8Array;
  readonly extensions?: readonly Uint8Array[] | undefined;
  /** More members of TBSCertificate at its end. */
  readonly trailing?: Uint8Array;
  readonly signer?: Signer;
}

/** Issues a certificate for a key, whatever its parts say. */
export function issue(key: KeyPair, issuerKey: KeyPair, parts: CertificateParts = {}): Uint8Array {
  const signer = parts.signer ?? ecdsaSha256;
  const tbs = seq(
    parts.version ?? tlv(0xa0, int(2)),
    parts.serial ?? int(1),
    parts.innerAlgorithm ?? signer.algorithm,
    parts.issuer ?? name("Root"),
    parts.validity ?? seq(time(parts.notBefore ?? NOT_BEFORE), time(parts.notAfter ?? NOT_AFTER)),
    parts.subject ?? name("Leaf"),
    parts.spki ?? key.publicKey.export({ type: "spki", format: "der" }),
    ...("extensions" in parts
      ? parts.extensions
        ? [tlv(0xa3, seq(...parts.extensions))]
        : []
      : [tlv(0xa3, seq(DIGITAL_SIGNATURE))]),
    ...(parts.trailing ? [parts.trailing] : []),
  );
  return seq(tbs, signer.algorithm, bits(signer.sign(tbs, issuerKey.privateKey)));
}

/** Issues a CA certificate. */
export function issueCa(
  subject: string,
  issuer: string,
  key: KeyPair,
  issuerKey: KeyPair,
  parts: CertificateParts = {},
): Uint8Array {
  return issue(key, issuerKey, {
    subject: name(subject),
    issuer: name(issuer),
    extensions: [basicConstraints(true), CERT_SIGN],
    ...parts,
  });
}
