/** Writes DER (X.690): only the types that our certificates and requests need. */

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element: tag, definite length, contents. */
function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Uint8Array.of(tag), lengthBytes(length), ...contents]);
}

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return element(TAG.sequence, ...parts);
}

/** A SET of one element; more would have to be sorted. */
export function setOf(part: Uint8Array): Uint8Array {
  return element(TAG.set, part);
}

/** A non-negative INTEGER from big-endian bytes. */
export function integer(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => byte !== 0);
  const minimal = start < 0 ? Uint8Array.of(0) : bytes.subarray(start);
  return (minimal[0] ?? 0) >= 0x80 ? element(TAG.integer, Uint8Array.of(0), minimal) : element(TAG.integer, minimal);
}

export function booleanTrue(): Uint8Array {
  return element(TAG.boolean, Uint8Array.of(0xff));
}

/** A BIT STRING with this many unused bits at its end. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return element(TAG.bitString, Uint8Array.of(unusedBits), bytes);
}

export function octetString(bytes: Uint8Array): Uint8Array {
  return element(TAG.octetString, bytes);
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...others] = dotted.split(".").map(Number);
  return element(TAG.oid, Uint8Array.from([40 * first + second, ...others].flatMap(base128)));
}

export function utf8String(text: string): Uint8Array {
  return element(TAG.utf8String, new TextEncoder().encode(text));
}

/** A UTCTime, good to the year 2049 (RFC 5280, section 4.1.2.5). */
export function utcTime(date: Date): Uint8Array {
  const digits = date.toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return element(TAG.utcTime, new TextEncoder().encode(`${digits}Z`));
}

/** A context-specific element: constructed ones hold other elements. */
export function context(number: number, constructed: boolean, ...contents: readonly Uint8Array[]): Uint8Array {
  return element(0x80 | (constructed ? 0x20 : 0) | number, ...contents);
}

function lengthBytes(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}

function base128(value: number): number[] {
  const groups = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) groups.unshift((rest & 0x7f) | 0x80);
  return groups;
}
