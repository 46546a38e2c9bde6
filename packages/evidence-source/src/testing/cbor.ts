/** A CBOR head with a length (RFC 8949 section 3), and what follows. */
function head(majorType: number, length: number): Uint8Array {
  const type = majorType << 5;
  if (length < 24) return Uint8Array.of(type | length);
  return length < 256 ? Uint8Array.of(type | 24, length) : Uint8Array.of(type | 25, length >> 8, length & 0xff);
}

/** A text string. */
export function cborText(text: string): Uint8Array {
  return Buffer.concat([head(3, text.length), Buffer.from(text)]);
}

/** A byte string. */
export function cborBytes(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([head(2, bytes.length), bytes]);
}

/** A map of one entry. */
export function cborEntry(key: string, value: Uint8Array): Uint8Array {
  return Buffer.concat([head(5, 1), cborText(key), value]);
}

/** The secure module's response with a document. */
export function nsmResponse(document: Uint8Array): Uint8Array {
  return cborEntry("Attestation", cborEntry("document", cborBytes(document)));
}
