import { concat, utf8 } from "@constellation/bytes";
import type { CborValue } from "../cbor.ts";
import { cborBytes, cborHead } from "../cbor-writer.ts";

/** A data item as bytes, maps with their length open where `openMaps` says so. */
export function encode(value: CborValue, openMaps = false): Uint8Array {
  if (value === null) return Uint8Array.of(0xf6);
  if (typeof value === "boolean") return Uint8Array.of(value ? 0xf5 : 0xf4);
  if (typeof value === "bigint") return value < 0n ? integer(1, -1n - value) : integer(0, value);
  if (typeof value === "string") return concat(cborHead(3, utf8(value).length), utf8(value));
  if (value instanceof Uint8Array) return cborBytes(value);
  if (!(value instanceof Map)) {
    const items = value as readonly CborValue[];
    return concat(cborHead(4, items.length), ...items.map((item) => encode(item)));
  }
  const pairs = Array.from(value as ReadonlyMap<CborValue, CborValue>, ([key, item]) =>
    concat(encode(key), encode(item)),
  );
  return openMaps
    ? concat(Uint8Array.of(0xbf), ...pairs, Uint8Array.of(0xff))
    : concat(cborHead(5, pairs.length), ...pairs);
}

function integer(major: number, argument: bigint): Uint8Array {
  if (argument < 0x100000000n) return cborHead(major, Number(argument));
  const bytes = new Uint8Array(9);
  bytes[0] = (major << 5) | 27;
  new DataView(bytes.buffer).setBigUint64(1, argument);
  return bytes;
}
