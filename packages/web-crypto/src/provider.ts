import { base64, concat, hex, utf8 } from "@constellation/bytes";
import type { CryptoProvider, EcCurve, HashName, PlainScheme, SignatureHash } from "@constellation/crypto";
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { ask } from "./settle.ts";

const { subtle } = globalThis.crypto;
type CryptoKey = Awaited<ReturnType<typeof subtle.importKey>>;

const HASHES: Readonly<Record<HashName, (bytes: Uint8Array) => Uint8Array>> = { sha1, sha256, sha384, sha512 };
const WEB_HASHES: Readonly<Record<SignatureHash, string>> = { sha256: "SHA-256", sha384: "SHA-384", sha512: "SHA-512" };

/** A key of this provider: the same numbers have the same id. */
type Handle =
  | { readonly kind: "ec"; readonly id: string; readonly key: CryptoKey }
  | { readonly kind: "rsa"; readonly id: string; readonly modulus: Uint8Array; readonly exponent: Uint8Array };

/** The provider that is WebCrypto. Hashes are told at once, keys on curves and signatures within `settle` alone. */
export const provider: CryptoProvider = {
  digest: (name, parts) => HASHES[name](concat(...parts)),
  importEc(curve, x, y) {
    const id = idOf("ec", curve, x, y);
    return ask(id, () => importPoint(id, curve, x, y)) as Handle | undefined;
  },
  importRsa: (modulus, exponent): Handle => ({ kind: "rsa", id: idOf("rsa", modulus, exponent), modulus, exponent }),
  verify(key, scheme, data, signature) {
    const handle = key as Handle;
    const id = idOf("verify", handle.id, JSON.stringify(scheme), data, signature);
    return ask(id, () => verify(handle, scheme, data, signature)) === true;
  },
};

/** One id for each sequence of parts: no two sequences hash to the same. */
function idOf(...parts: readonly (string | Uint8Array)[]): string {
  return parts.map((part) => hex(sha256(typeof part === "string" ? utf8(part) : part))).join(" ");
}

/** WebCrypto reports a point off the curve as a DataError. */
async function importPoint(id: string, curve: EcCurve, x: Uint8Array, y: Uint8Array): Promise<Handle | undefined> {
  const point = concat(Uint8Array.of(0x04), x, y);
  try {
    const key = await subtle.importKey("raw", point, { name: "ECDSA", namedCurve: curve }, false, ["verify"]);
    return { kind: "ec", id, key };
  } catch (error) {
    if ((error as Error).name === "DataError") return undefined;
    throw error;
  }
}

async function verify(key: Handle, scheme: PlainScheme, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const hash = WEB_HASHES[scheme.hash];
  const [signed, bytes] = [Uint8Array.from(data), Uint8Array.from(signature)];
  if (key.kind === "ec") return await subtle.verify({ name: "ECDSA", hash }, key.key, bytes, signed);
  const name = scheme.kind === "rsa-pss" ? "RSA-PSS" : "RSASSA-PKCS1-v1_5";
  const rsa = await importRsa(key, { name, hash });
  const saltLength = scheme.kind === "rsa-pss" ? scheme.saltLength : 0;
  return await subtle.verify({ name, saltLength }, rsa, bytes, signed);
}

/** By its numbers: WebCrypto takes no SubjectPublicKeyInfo of id-RSASSA-PSS. */
function importRsa(
  { modulus, exponent }: Extract<Handle, { kind: "rsa" }>,
  algorithm: { readonly name: string; readonly hash: string },
): Promise<CryptoKey> {
  const numbers = { kty: "RSA", n: base64url(modulus), e: base64url(exponent) };
  return subtle.importKey("jwk", numbers, algorithm, false, ["verify"]);
}

function base64url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
