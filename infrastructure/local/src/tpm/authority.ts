import { randomBytes, webcrypto } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { LocalError, systemErrorCode } from "../errors.ts";
import { makePrivateFolder, writeFileAtomic } from "../host/atomic-file.ts";

/** Signature and key algorithm of the authority and of what it certifies. */
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** Key purposes of the TCG EK Credential Profile, section 3.2.16 and of attestation keys. */
const EKU = { endorsementKey: "2.23.133.8.1", attestationKey: "2.23.133.8.3" } as const;

/** TCG attributes of a TPM's directory name (EK Credential Profile, section 3.2.9). */
const TPM_ATTRIBUTES = {
  "2.23.133.2.1": "id:53545000",
  "2.23.133.2.2": "swtpm",
  "2.23.133.2.3": "id:20230000",
} as const;

const YEAR_MS = 365.25 * 24 * 3600 * 1000;
const LIFETIME_MS = 10 * YEAR_MS;
/** Guests' clocks may be behind the host's for a while after boot. */
const BACKDATE_MS = 24 * 3600 * 1000;

/** The certificate authority of one cluster's TPMs; a TPM it has not certified is not of the cluster. */
export class TpmAuthority {
  readonly certificate: x509.X509Certificate;
  readonly #key: webcrypto.CryptoKey;

  private constructor(certificate: x509.X509Certificate, key: webcrypto.CryptoKey) {
    this.certificate = certificate;
    this.#key = key;
  }

  /** Loads the authority in `folder`, or makes a new one there: the key (0600) first, then its certificate. */
  static async open(folder: string, name: string): Promise<TpmAuthority> {
    await makePrivateFolder(folder);
    const [keyPath, certificatePath] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
    const keys = await loadKeys(keyPath);
    const pem = await readIfThere(certificatePath);
    if (keys !== undefined && pem !== undefined)
      return new TpmAuthority(new x509.X509Certificate(pem), keys.privateKey);
    const pair = keys ?? (await createKeys(keyPath));
    const certificate = await selfSign(pair, name);
    await writeFileAtomic(certificatePath, `${certificate.toString("pem")}\n`);
    return new TpmAuthority(certificate, pair.privateKey);
  }

  /** An endorsement certificate for the key `spki` (DER), after the TCG EK Credential Profile. */
  async certifyEndorsementKey(spki: Uint8Array): Promise<Uint8Array> {
    const attributes = Object.entries(TPM_ATTRIBUTES).map(([type, value]) => ({ [type]: [{ utf8String: value }] }));
    return await this.#issue(spki, "", [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyAgreement, true),
      new x509.ExtendedKeyUsageExtension([EKU.endorsementKey]),
      new x509.SubjectAlternativeNameExtension([{ type: "dn", value: new x509.Name(attributes).toString() }], true),
    ]);
  }

  /** An attestation key's certificate, which names the endorsement key that it was proven to live with. */
  async certifyAttestationKey(spki: Uint8Array, ekDigestHex: string): Promise<Uint8Array> {
    return await this.#issue(spki, "CN=Constellation attestation key", [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([EKU.attestationKey]),
      new x509.SubjectAlternativeNameExtension([{ type: "url", value: `urn:constellation:ek-sha256:${ekDigestHex}` }]),
    ]);
  }

  async #issue(spki: Uint8Array, subject: string, extensions: x509.Extension[]): Promise<Uint8Array> {
    const publicKey = new x509.PublicKey(new Uint8Array(spki));
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject,
      issuer: this.certificate.subject,
      notBefore: this.certificate.notBefore,
      notAfter: this.certificate.notAfter,
      signingAlgorithm: ALGORITHM,
      publicKey,
      signingKey: this.#key,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        ...extensions,
        await x509.SubjectKeyIdentifierExtension.create(publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(this.certificate.publicKey),
      ],
    });
    return new Uint8Array(certificate.rawData);
  }
}

async function loadKeys(path: string): Promise<webcrypto.CryptoKeyPair | undefined> {
  const pem = await readIfThere(path);
  if (pem === undefined) return undefined;
  try {
    const der = x509.PemConverter.decodeFirst(pem);
    const privateKey = await webcrypto.subtle.importKey("pkcs8", der, ALGORITHM, true, ["sign"]);
    const { d: _secret, ...jwk } = await webcrypto.subtle.exportKey("jwk", privateKey);
    const publicJwk = { ...jwk, key_ops: ["verify"] };
    const publicKey = await webcrypto.subtle.importKey("jwk", publicJwk, ALGORITHM, true, ["verify"]);
    return { privateKey, publicKey };
  } catch (cause) {
    throw new LocalError("state-corrupt", `Read TPM CA key "${path}" failed: it is no P-256 private key`, {
      cause,
      hint: "terminate the cluster and create it again",
    });
  }
}

async function createKeys(path: string): Promise<webcrypto.CryptoKeyPair> {
  const pair = (await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const der = await webcrypto.subtle.exportKey("pkcs8", pair.privateKey);
  await writeFileAtomic(path, `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`);
  return pair;
}

async function selfSign(keys: webcrypto.CryptoKeyPair, name: string): Promise<x509.X509Certificate> {
  const now = Date.now();
  return await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }],
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + LIFETIME_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
}

/** 16 random bytes, positive and without a leading zero (RFC 5280, section 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
