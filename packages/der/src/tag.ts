/** Identifier octets (X.690 section 8.1.2) of the universal types used here; all tag numbers are below 31. */
export const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OID: 0x06,
  UTF8_STRING: 0x0c,
  SEQUENCE: 0x30,
  SET: 0x31,
  PRINTABLE_STRING: 0x13,
  T61_STRING: 0x14,
  IA5_STRING: 0x16,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  BMP_STRING: 0x1e,
} as const;

/** Bit of the identifier octet that is set for constructed encodings. */
export const CONSTRUCTED = 0x20;

/** Identifier octet of a context-specific primitive element, as in IMPLICIT tagging of a primitive type. */
export function contextPrimitive(number: number): number {
  return 0x80 | number;
}

/** Identifier octet of a context-specific constructed element, as in EXPLICIT tagging. */
export function contextConstructed(number: number): number {
  return 0xa0 | number;
}

/** An identifier octet as text for messages, for example `0x30`. */
export function tagText(tag: number): string {
  return `0x${tag.toString(16).padStart(2, "0")}`;
}
