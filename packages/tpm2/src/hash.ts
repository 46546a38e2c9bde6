import { createHash } from "node:crypto";
import { TPM_ALG } from "./constants.ts";
import { TpmError } from "./error.ts";

const HASHES: ReadonlyMap<number, string> = new Map([
  [TPM_ALG.SHA256, "sha256"],
  [TPM_ALG.SHA384, "sha384"],
  [TPM_ALG.SHA512, "sha512"],
]);

/** The node:crypto name of a TPM hash algorithm. SHA-1 is not offered on purpose. */
function hashName(algorithm: number): string {
  const name = HASHES.get(algorithm);
  if (name === undefined) {
    throw new TpmError(
      "unsupported",
      `Choose hash failed: got algorithm "0x${algorithm.toString(16)}", wanted SHA-256, SHA-384 or SHA-512`,
    );
  }
  return name;
}

/** The digest of the parts, one after the other, under a TPM hash algorithm. */
export function digest(algorithm: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash(hashName(algorithm));
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
