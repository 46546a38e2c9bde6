import { digest as hash, type SignatureHash } from "@constellation/crypto";
import { TPM_ALG } from "./constants.ts";
import { TpmError } from "./error.ts";

const HASHES: ReadonlyMap<number, SignatureHash> = new Map([
  [TPM_ALG.SHA256, "sha256"],
  [TPM_ALG.SHA384, "sha384"],
  [TPM_ALG.SHA512, "sha512"],
]);

/** The digest of the parts, one after the other, under a TPM hash algorithm. SHA-1 is not offered on purpose. */
export function digest(algorithm: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const name = HASHES.get(algorithm);
  if (name !== undefined) return hash(name, ...parts);
  throw new TpmError(
    "unsupported",
    `Choose hash failed: got algorithm "0x${algorithm.toString(16)}", wanted SHA-256, SHA-384 or SHA-512`,
  );
}
