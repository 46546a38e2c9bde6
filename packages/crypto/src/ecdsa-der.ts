const TAG = { INTEGER: 0x02, SEQUENCE: 0x30 } as const;

/**
 * A signature of r and s side by side, each of the curve's length, as the SEQUENCE of two INTEGERs (RFC 3279 section
 * 2.2.3). That of both curves fits into a length of one octet.
 */
export function ecdsaDer(fixed: Uint8Array): Uint8Array {
  const size = fixed.length / 2;
  const r = numberStart(fixed, 0, size);
  const s = numberStart(fixed, size, 2 * size);
  const sizeBytes = integerBytes(fixed, r, size) + integerBytes(fixed, s, 2 * size);
  // Of the pool, and no views of the signature: memory of its own for each costs more than all else here.
  const der = Buffer.allocUnsafe(2 + sizeBytes);
  der[0] = TAG.SEQUENCE;
  der[1] = sizeBytes;
  writeInteger(der, writeInteger(der, 2, fixed, r, size), fixed, s, 2 * size);
  return der;
}

/** Where the shortest form of a number starts. */
function numberStart(bytes: Uint8Array, from: number, end: number): number {
  let start = from;
  while (start < end - 1 && bytes[start] === 0) start += 1;
  return start;
}

/** How many octets a number takes as an INTEGER. */
function integerBytes(bytes: Uint8Array, start: number, end: number): number {
  return 2 + signOctets(bytes[start] as number) + end - start;
}

/** A number that is not negative has its highest bit clear. */
function signOctets(first: number): number {
  return first >= 0x80 ? 1 : 0;
}

/** Gives where it ends. */
function writeInteger(der: Uint8Array, start: number, bytes: Uint8Array, from: number, end: number): number {
  const sign = signOctets(bytes[from] as number);
  der[start] = TAG.INTEGER;
  der[start + 1] = sign + end - from;
  der[start + 2] = 0;
  let at = start + 2 + sign;
  for (let i = from; i < end; i++) der[at++] = bytes[i] as number;
  return at;
}
