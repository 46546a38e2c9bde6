import { createHash, hash } from "node:crypto";

/** Hashes that evidence and certificates are judged by. SHA-1 is for reading legacy logs only, never for a decision. */
export type HashName = "sha1" | "sha256" | "sha384" | "sha512";

/** The hash of the parts one after the other. */
export function digest(name: HashName, ...parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return toBytes(hash(name, only, "buffer"));
  const state = createHash(name);
  for (const part of parts) state.update(part);
  return toBytes(state.digest());
}

function toBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
