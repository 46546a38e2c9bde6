const TAG = { INTEGER: 0x02, SEQUENCE: 0x30 } as const;

/**
 * A signature of r and s side by side, each of the curve's length, as the SEQUENCE of two INTEGERs (RFC 3279 section
 * 2.2.3). That of both curves fits into a length of one octet.
 */
export function ecdsaDer(fixed: Uint8Array): Uint8Array {
  const size = fixed.length / 2;
  const r = integerStart(fixed, 0, size);
  const s = integerStart(fixed, size, 2 * size);
  const der = new Uint8Array(2 + r.sizeBytes + s.sizeBytes);
  der[0] = TAG.SEQUENCE;
  der[1] = r.sizeBytes + s.sizeBytes;
  writeInteger(der, 2, fixed.subarray(r.start, size));
  writeInteger(der, 2 + r.sizeBytes, fixed.subarray(s.start));
  return der;
}

/** Where the shortest form of a number starts, and how many octets it takes as an INTEGER. */
function integerStart(bytes: Uint8Array, from: number, end: number): { start: number; sizeBytes: number } {
  let start = from;
  while (start < end - 1 && bytes[start] === 0) start += 1;
  return { start, sizeBytes: 2 + signOctets(bytes[start] as number) + end - start };
}

/** A number that is not negative has its highest bit clear. */
function signOctets(first: number): number {
  return first >= 0x80 ? 1 : 0;
}

function writeInteger(der: Uint8Array, at: number, number: Uint8Array): void {
  const sign = signOctets(number[0] as number);
  der[at] = TAG.INTEGER;
  der[at + 1] = sign + number.length;
  der.set(number, at + 2 + sign);
}
