import { createHash, generateKeyPairSync, type KeyObject, type KeyPairKeyObjectResult, sign } from "node:crypto";
import { concat, fromHex, utf8 } from "@constellation/bytes";

/** A key that lives as long as one connection, with the certificate that TLS needs to carry it. */
export interface EphemeralIdentity {
  /** Private key, PKCS #8 in PEM. */
  readonly keyPem: string;
  /** Self-signed certificate in PEM. It says nothing: the evidence vouches for the key. */
  readonly certificatePem: string;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array;
}

const VERSION_3 = fromHex("a003020102");
// ecdsa-with-SHA256, 1.2.840.10045.4.3.2 (RFC 5758 section 3.2)
const ECDSA_WITH_SHA256 = der(0x30, der(0x06, fromHex("2a8648ce3d040302")));
// id-at-commonName, 2.5.4.3
const COMMON_NAME = der(0x06, fromHex("550403"));
const NAME = der(0x30, der(0x31, der(0x30, concat(COMMON_NAME, der(0x0c, utf8("constellation-atls"))))));
// No validity of its own (RFC 5280 section 4.1.2.5): the key is gone with the connection.
const VALIDITY = der(0x30, concat(der(0x17, utf8("700101000000Z")), der(0x18, utf8("99991231235959Z"))));

/** Makes a P-256 key and a self-signed certificate for it. */
export function createEphemeralIdentity(): EphemeralIdentity {
  return identityOf(generateKeyPairSync("ec", { namedCurve: "P-256" }));
}

/** Writes a self-signed certificate for a key pair on an elliptic curve (RFC 5280 section 4.1). */
export function identityOf({ publicKey, privateKey }: KeyPairKeyObjectResult): EphemeralIdentity {
  const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
  return {
    keyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    certificatePem: pem(certificate(spki, privateKey)),
    publicKey: spki,
  };
}

function certificate(spki: Uint8Array, key: KeyObject): Uint8Array {
  const toBeSigned = der(0x30, concat(VERSION_3, serial(spki), ECDSA_WITH_SHA256, NAME, VALIDITY, NAME, spki));
  const signature = sign("sha256", toBeSigned, key);
  return der(0x30, concat(toBeSigned, ECDSA_WITH_SHA256, der(0x03, concat(Uint8Array.of(0), signature))));
}

/** Positive INTEGER of 16 bytes, different for each key. */
function serial(spki: Uint8Array): Uint8Array {
  const digest = new Uint8Array(createHash("sha256").update(spki).digest().subarray(0, 16));
  digest[0] = (digest[0]! & 0x3f) | 0x40;
  return der(0x02, digest);
}

/** One tag-length-value with the shortest length (X.690 section 10.1). */
function der(tag: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat(Uint8Array.of(tag, ...derLength(content.length)), content);
}

function derLength(length: number): number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  return [0x82, length >> 8, length & 0xff];
}

function pem(certificateDer: Uint8Array): string {
  const lines = Array.from(
    Buffer.from(certificateDer)
      .toString("base64")
      .matchAll(/.{1,64}/g),
    ([line]) => line,
  );
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
