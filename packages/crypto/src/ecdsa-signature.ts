import { type DerElement, DerError, parseDer, readIntegerBytes, sequence } from "@constellation/der";

/**
 * ECDSA-Sig-Value (RFC 5480 appendix A: SEQUENCE of r and s) as r and s of `size` bytes each, big-endian. Undefined
 * where it is not strict DER, or has a number that is negative or longer.
 */
export function fixedFromDer(signature: Uint8Array, size: number): Uint8Array | undefined {
  try {
    const members = sequence(parseDer(signature), "ECDSA-Sig-Value");
    const r = readUnsigned(members.next());
    const s = readUnsigned(members.next());
    members.end();
    if (r === undefined || s === undefined || r.length > size || s.length > size) return undefined;
    const fixed = new Uint8Array(2 * size);
    fixed.set(r, size - r.length);
    fixed.set(s, 2 * size - s.length);
    return fixed;
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return undefined;
  }
}

/** Without the octet of the sign; undefined for a negative number. */
function readUnsigned(element: DerElement): Uint8Array | undefined {
  const bytes = readIntegerBytes(element);
  if ((bytes[0] as number) >= 0x80) return undefined;
  return bytes[0] === 0 ? bytes.subarray(1) : bytes;
}
