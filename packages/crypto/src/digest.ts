import { provider } from "#provider";

/** Hashes that evidence and certificates are judged by. SHA-1 is for reading legacy logs only, never for a decision. */
export type HashName = "sha1" | "sha256" | "sha384" | "sha512";

/** The hash of the parts one after the other. */
export function digest(name: HashName, ...parts: readonly Uint8Array[]): Uint8Array {
  return provider.digest(name, parts);
}
