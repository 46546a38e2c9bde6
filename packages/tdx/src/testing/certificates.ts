// @peculiar/x509 needs a metadata polyfill that is loaded before it.
import "reflect-metadata";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type Certificate, parseCertificate } from "@constellation/x509";
import * as x509 from "@peculiar/x509";
import { SGX_EXTENSIONS } from "./sgx-extensions.ts";

/** An ECC key pair of node:crypto. */
export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** A certificate with its key. */
export interface Identity {
  readonly keys: KeyPair;
  readonly pem: string;
  readonly certificate: Certificate;
}

/** What a certificate says; all but the name has defaults. */
export interface CertificateRequest {
  /** Empty: none. */
  readonly commonName: string;
  /** None: signed by itself. */
  readonly issuer?: Identity;
  readonly keys?: KeyPair;
  readonly isCa?: boolean;
  /** Whether the certificate says that it is a CA's or none; it does by default. */
  readonly hasBasicConstraints?: boolean;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** The value of the SGX extensions. */
  readonly sgxExtensions?: Uint8Array;
}

/** What a CRL says. */
export interface CrlRequest {
  readonly issuer: Identity;
  readonly revoked?: readonly Identity[];
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date;
  /** Another key than the issuer's. */
  readonly signingKeys?: KeyPair;
}

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
/** From when on all that is issued by default is valid; a CRL's thisUpdate, too. */
export const FAKE_ISSUED = new Date("2025-01-01T00:00:00Z");
const NOT_AFTER = new Date("2035-01-01T00:00:00Z");

/** A new key pair. Intel's keys are on P-256. */
export function newKeys(namedCurve: "P-256" | "P-521" = "P-256"): KeyPair {
  return generateKeyPairSync("ec", { namedCurve });
}

/** Issues a certificate. */
export async function issueCertificate(request: CertificateRequest): Promise<Identity> {
  const keys = request.keys ?? newKeys();
  const { issuer, isCa = false, hasBasicConstraints = true, sgxExtensions } = request;
  const subject = nameOf(request.commonName);
  const usage = isCa
    ? x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign
    : x509.KeyUsageFlags.digitalSignature;
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: issuer ? new x509.X509Certificate(issuer.pem).subjectName : subject,
    notBefore: request.notBefore ?? FAKE_ISSUED,
    notAfter: request.notAfter ?? NOT_AFTER,
    publicKey: keys.publicKey.toCryptoKey({ ...ECDSA, namedCurve: curveOf(keys) }, true, ["verify"]),
    signingKey: signingKey(issuer?.keys ?? keys),
    extensions: [
      ...(hasBasicConstraints ? [new x509.BasicConstraintsExtension(isCa, undefined, true)] : []),
      new x509.KeyUsagesExtension(usage, true),
      ...(sgxExtensions ? [new x509.Extension(SGX_EXTENSIONS, false, new Uint8Array(sgxExtensions))] : []),
    ],
  });
  const der = new Uint8Array(certificate.rawData);
  return { keys, pem: `${certificate.toString("pem")}\n`, certificate: parseCertificate(der) };
}

/** Issues a CRL, DER. */
export async function issueCrl(request: CrlRequest): Promise<Uint8Array> {
  const { issuer, revoked = [], signingKeys = issuer.keys } = request;
  const crl = await x509.X509CrlGenerator.create({
    issuer: new x509.X509Certificate(issuer.pem).subjectName,
    thisUpdate: request.thisUpdate ?? FAKE_ISSUED,
    nextUpdate: request.nextUpdate ?? NOT_AFTER,
    signingAlgorithm: ECDSA,
    signingKey: signingKey(signingKeys),
    entries: revoked.map(({ certificate: { serialNumber } }) => ({
      serialNumber,
      revocationDate: FAKE_ISSUED,
      reason: x509.X509CrlReason.keyCompromise,
    })),
  });
  return new Uint8Array(crl.rawData);
}

/** An ECDSA signature with SHA-256: r and s, 32 bytes each. */
export function signFixed({ privateKey }: KeyPair, data: Uint8Array): Uint8Array {
  return new Uint8Array(sign("sha256", data, { key: privateKey, dsaEncoding: "ieee-p1363" }));
}

function signingKey({ privateKey }: KeyPair): ReturnType<KeyObject["toCryptoKey"]> {
  return privateKey.toCryptoKey(ECDSA, true, ["sign"]);
}

function curveOf({ publicKey }: KeyPair): string {
  return publicKey.export({ format: "jwk" }).crv as string;
}

function nameOf(commonName: string): x509.JsonName {
  const named = commonName === "" ? [] : [{ CN: [commonName] }];
  return [...named, { OU: ["Constellation FAKE"] }, { O: ["Intel Corporation"] }, { C: ["US"] }];
}
