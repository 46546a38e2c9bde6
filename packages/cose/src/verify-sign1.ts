import { concat, utf8 } from "@constellation/bytes";
import { type EcCurve, type PublicKey, type SignatureScheme, verifySignature } from "@constellation/crypto";
import { cborBytes, cborHead } from "./cbor-writer.ts";
import { HEADER, type Sign1 } from "./sign1.ts";

/** Algorithms that are supported, by their names in the COSE registry. */
export type CoseAlgorithm = "ES256" | "ES384";

interface Algorithm {
  readonly identifier: bigint;
  readonly curve: EcCurve;
  readonly scheme: SignatureScheme;
}

/**
 * ECDSA (RFC 9053 section 2.1): r and s one after the other, of the curve's length. RFC 9053 leaves the curve open; here
 * each hash goes with the curve of its strength.
 */
const ALGORITHMS: Readonly<Record<CoseAlgorithm, Algorithm>> = {
  ES256: { identifier: -7n, curve: "P-256", scheme: { kind: "ecdsa", hash: "sha256", encoding: "fixed" } },
  ES384: { identifier: -35n, curve: "P-384", scheme: { kind: "ecdsa", hash: "sha384", encoding: "fixed" } },
};

/** The number of an algorithm in the COSE registry (RFC 9053 section 2.1, table 1). */
export function algorithmIdentifier(algorithm: CoseAlgorithm): bigint {
  return ALGORITHMS[algorithm].identifier;
}

/**
 * Whether a message is signed with this algorithm by this key, without external data (RFC 9052 section 4.4). False too
 * where the protected bucket names another algorithm, or none, and for a key on another curve. Never throws.
 */
export function verifySign1(message: Sign1, algorithm: CoseAlgorithm, key: PublicKey): boolean {
  const { identifier, curve, scheme } = ALGORITHMS[algorithm];
  if (message.protectedHeader.get(HEADER.ALG) !== identifier) return false;
  if (key.kind !== "ec" || key.curve !== curve) return false;
  return verifySignature(key, scheme, sigStructure(message), message.signature);
}

/** What is signed, a Sig_structure: context, protected bucket, external data, payload. */
function sigStructure({ protected: bucket, payload }: Sign1): Uint8Array {
  return concat(SIGNATURE1, cborBytes(bucket), cborBytes(new Uint8Array(0)), cborBytes(payload));
}

const CONTEXT = utf8("Signature1");
/** Head of the array of four, and the context string. */
const SIGNATURE1 = concat(cborHead(4, 4), cborHead(3, CONTEXT.length), CONTEXT);
