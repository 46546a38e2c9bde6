import { createHash, createHmac } from "node:crypto";
import { Writer } from "./writer.ts";

const EMPTY = new Uint8Array(0);
const DIGEST_BITS = 256;

/** KDFa with SHA-256 (Part 1, 11.4.10.2) for at most 256 bits: HMAC in the counter mode of SP 800-108. */
export function kdfa(
  key: Uint8Array,
  label: string,
  contextU: Uint8Array,
  contextV: Uint8Array,
  bits: number,
): Uint8Array {
  const block = new Writer()
    .u32(1)
    .bytes(nullTerminated(label))
    .bytes(contextU)
    .bytes(contextV)
    .u32(requireOneBlock(bits))
    .finish();
  return new Uint8Array(createHmac("sha256", key).update(block).digest()).subarray(0, bits / 8);
}

/** KDFe with SHA-256 (Part 1, 11.4.10.3) for at most 256 bits: the one-step KDF of SP 800-56A over an ECDH result. */
export function kdfe(z: Uint8Array, label: string, partyU: Uint8Array, partyV: Uint8Array, bits: number): Uint8Array {
  const block = new Writer().u32(1).bytes(z).bytes(nullTerminated(label)).bytes(partyU).bytes(partyV).finish();
  return new Uint8Array(createHash("sha256").update(block).digest()).subarray(0, requireOneBlock(bits) / 8);
}

/** The empty context of a {@link kdfa} call. */
export const NO_CONTEXT: Uint8Array = EMPTY;

function nullTerminated(label: string): Uint8Array {
  return new TextEncoder().encode(`${label}\0`);
}

function requireOneBlock(bits: number): number {
  if (bits <= 0 || bits > DIGEST_BITS || bits % 8 !== 0) {
    throw new RangeError(`Derive key failed: got ${bits} bits, wanted whole bytes up to ${DIGEST_BITS} bits`);
  }
  return bits;
}
