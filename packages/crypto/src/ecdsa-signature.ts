import { concat } from "@constellation/bytes";
import { type DerElement, DerError, parseDer, readIntegerBytes, sequence } from "@constellation/der";

/**
 * ECDSA-Sig-Value (RFC 5480 appendix A: SEQUENCE of r and s) as r and s of `size` bytes each, big-endian. Undefined
 * where it is not strict DER, or has a number that is negative or longer.
 */
export function fixedFromDer(signature: Uint8Array, size: number): Uint8Array | undefined {
  try {
    const members = sequence(parseDer(signature), "ECDSA-Sig-Value");
    const r = readUnsigned(members.next(), size);
    const s = readUnsigned(members.next(), size);
    members.end();
    return r && s && concat(r, s);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return undefined;
  }
}

function readUnsigned(element: DerElement, size: number): Uint8Array | undefined {
  const bytes = readIntegerBytes(element);
  if ((bytes[0] as number) >= 0x80) return undefined;
  const number = bytes[0] === 0 ? bytes.subarray(1) : bytes;
  if (number.length > size) return undefined;
  return concat(new Uint8Array(size - number.length), number);
}
