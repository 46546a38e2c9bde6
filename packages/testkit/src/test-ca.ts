// @peculiar/x509 needs a metadata polyfill that is loaded before it.
import "reflect-metadata";
import { generateKeyPairSync, type KeyObject, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

/** What a test certificate says. */
export interface TestCertificateRequest {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly addresses?: readonly string[];
  readonly uris?: readonly string[];
  readonly usages?: readonly ("client" | "server")[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** A certificate and its private key, PEM. */
export interface TestIdentity {
  readonly certificatePem: string;
  readonly keyPem: string;
}

type CaAlgorithm = "ecdsa-p256" | "rsa-2048";

const DAY_MS = 86_400_000;
const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

/** A certificate authority that issues whatever a test asks for. Leaf keys are ECDSA P-256. */
export class TestCa {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly #certificate: x509.X509Certificate;
  readonly #signingKey: webcrypto.CryptoKey;

  private constructor(certificate: x509.X509Certificate, privateKey: KeyObject, signingKey: webcrypto.CryptoKey) {
    this.#certificate = certificate;
    this.#signingKey = signingKey;
    this.certificatePem = certificate.toString("pem");
    this.keyPem = pkcs8(privateKey);
  }

  /** Makes a self-signed authority. kubeadm's own authorities are RSA by default, ours are ECDSA. */
  static async create(commonName: string, algorithm: CaAlgorithm = "ecdsa-p256"): Promise<TestCa> {
    const rsa = algorithm === "rsa-2048";
    const pair = rsa ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : newEcKeyPair();
    const webAlgorithm = rsa ? RSA : ECDSA;
    const keys = {
      publicKey: pair.publicKey.toCryptoKey(webAlgorithm, true, ["verify"]),
      privateKey: pair.privateKey.toCryptoKey(webAlgorithm, true, ["sign"]),
    };
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: [{ CN: [commonName] }],
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + 3650 * DAY_MS),
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new TestCa(certificate, pair.privateKey, keys.privateKey);
  }

  /** Issues a certificate for a new key. */
  async issue(request: TestCertificateRequest): Promise<TestIdentity> {
    const { publicKey, privateKey } = newEcKeyPair();
    const certificate = await x509.X509CertificateGenerator.create({
      subject: [
        ...(request.organizations ?? []).map((organization) => ({ O: [organization] })),
        { CN: [request.commonName] },
      ],
      issuer: this.#certificate.subjectName,
      notBefore: request.notBefore ?? new Date(Date.now() - DAY_MS),
      notAfter: request.notAfter ?? new Date(Date.now() + 365 * DAY_MS),
      publicKey: publicKey.toCryptoKey(ECDSA, true, ["verify"]),
      signingKey: this.#signingKey,
      extensions: extensionsOf(request),
    });
    return { certificatePem: certificate.toString("pem"), keyPem: pkcs8(privateKey) };
  }
}

function extensionsOf(request: TestCertificateRequest): x509.Extension[] {
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const usages = (request.usages ?? ["client", "server"]).map((use) => (use === "client" ? clientAuth : serverAuth));
  const names: x509.JsonGeneralNames = [
    ...(request.dnsNames ?? []).map((value) => ({ type: "dns" as const, value })),
    ...(request.addresses ?? []).map((value) => ({ type: "ip" as const, value })),
    ...(request.uris ?? []).map((value) => ({ type: "url" as const, value })),
  ];
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(usages),
    ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
  ];
}

function newEcKeyPair(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
