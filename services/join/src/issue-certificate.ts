// @peculiar/x509 needs a metadata polyfill that is loaded before it.
import "reflect-metadata";
import { createPrivateKey, type KeyObject, type webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

/** A certificate authority as kubeadm keeps it: certificate and key, PEM. */
export interface Authority {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** What a certificate is to say. */
export interface CertificateSpec {
  readonly commonName: string;
  readonly organization: string;
  readonly publicKey: KeyObject;
  readonly usages: readonly ("client" | "server")[];
  readonly dnsNames?: readonly string[];
  readonly addresses?: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const ECDSA_P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const RSA_SHA256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

/** Issues an end-entity certificate (PEM) that outlives neither `notAfter` nor its authority. */
export async function issueCertificate(authority: Authority, spec: CertificateSpec): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificatePem);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ O: [spec.organization] }, { CN: [spec.commonName] }],
    issuer: issuer.subjectName,
    notBefore: spec.notBefore,
    notAfter: new Date(Math.min(spec.notAfter.getTime(), issuer.notAfter.getTime())),
    publicKey: spec.publicKey.toCryptoKey(ECDSA_P256, true, ["verify"]),
    signingKey: signingKeyOf(authority),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(spec.usages.map(extendedKeyUsage)),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...alternativeNames(spec),
    ],
  });
  return certificate.toString("pem");
}

/** kubeadm makes RSA authorities unless it is told to make ECDSA ones. */
function signingKeyOf({ keyPem }: Authority): webcrypto.CryptoKey {
  const key = createPrivateKey(keyPem);
  return key.toCryptoKey(key.asymmetricKeyType === "rsa" ? RSA_SHA256 : ECDSA_P256, false, ["sign"]);
}

function extendedKeyUsage(usage: "client" | "server"): string {
  return usage === "client" ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth;
}

function alternativeNames({ dnsNames = [], addresses = [] }: CertificateSpec): x509.Extension[] {
  const names: x509.JsonGeneralNames = [
    ...dnsNames.map((value) => ({ type: "dns" as const, value })),
    ...addresses.map((value) => ({ type: "ip" as const, value })),
  ];
  return names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)];
}
