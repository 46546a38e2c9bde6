import { BytesError, concat, Cursor, fromUtf8, utf8 } from "@constellation/bytes";
import { KmsError } from "../error.ts";

/** An item of a KMIP message: tag, type, length, value (KMIP 1.4 section 9.1; KMIP 2.1 section 10). */
export type Ttlv = { readonly tag: number } & TtlvValue;

export type TtlvValue =
  | { readonly type: "structure"; readonly items: readonly Ttlv[] }
  | { readonly type: "integer"; readonly value: number }
  | { readonly type: "long"; readonly value: bigint }
  | { readonly type: "big"; readonly bytes: Uint8Array }
  | { readonly type: "enumeration"; readonly value: number }
  | { readonly type: "boolean"; readonly value: boolean }
  | { readonly type: "text"; readonly value: string }
  | { readonly type: "bytes"; readonly value: Uint8Array }
  /** Seconds since 1970. */
  | { readonly type: "date-time"; readonly value: bigint }
  | { readonly type: "interval"; readonly value: number };

const TYPES = {
  structure: 1,
  integer: 2,
  long: 3,
  big: 4,
  enumeration: 5,
  boolean: 6,
  text: 7,
  bytes: 8,
  "date-time": 9,
  interval: 10,
} as const;
/** Bounds of what is read. */
export const TTLV_LIMITS = { depth: 16, items: 4_096, bytes: 64 * 1024 } as const;

/** Tags of the standard begin with 42, those of extensions with 54. */
const TAG_SPACES: ReadonlySet<number> = new Set([0x42, 0x54]);

/** The bytes of an item. */
export function formatTtlv(item: Ttlv): Uint8Array {
  const value = valueBytes(item);
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  view.setUint32(0, (item.tag << 8) | TYPES[item.type]);
  view.setUint32(4, value.length);
  return concat(header, value, new Uint8Array(paddingOf(value.length)));
}

function valueBytes(item: Ttlv): Uint8Array {
  switch (item.type) {
    case "structure":
      return concat(...item.items.map(formatTtlv));
    case "integer":
      return number(4, (view) => view.setInt32(0, item.value));
    case "enumeration":
    case "interval":
      return number(4, (view) => view.setUint32(0, item.value));
    case "long":
    case "date-time":
      return number(8, (view) => view.setBigInt64(0, item.value));
    case "boolean":
      return number(8, (view) => view.setBigUint64(0, item.value ? 1n : 0n));
    case "text":
      return utf8(item.value);
    case "bytes":
      return item.value;
    case "big":
      return item.bytes;
  }
}

function number(lengthBytes: number, set: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  set(new DataView(bytes.buffer));
  return bytes;
}

/** To a multiple of eight bytes (section 9.1.1.4). */
function paddingOf(length: number): number {
  return (8 - (length % 8)) % 8;
}

/**
 * Parses one item that is all of `bytes`. Strict: lengths of their type, zero padding, no unknown types, UTF-8, and no
 * more depth, items or bytes than `TTLV_LIMITS`. Byte strings are views of the input.
 * @throws KmsError `kms_answer`
 */
export function parseTtlv(bytes: Uint8Array): Ttlv {
  if (bytes.length > TTLV_LIMITS.bytes) throw failed(`"${bytes.length}" bytes`, `"${TTLV_LIMITS.bytes}" or fewer`);
  const cursor = new Cursor(bytes);
  const budget = { items: TTLV_LIMITS.items };
  try {
    const item = readItem(cursor, TTLV_LIMITS.depth, budget);
    cursor.end();
    return item;
  } catch (cause) {
    if (cause instanceof BytesError)
      throw failed("an item that does not end where its length says", "whole items", { cause });
    throw cause;
  }
}

function readItem(cursor: Cursor, depth: number, budget: { items: number }): Ttlv {
  if (depth === 0) throw failed("deeper structures", `${TTLV_LIMITS.depth} levels or fewer`);
  if (budget.items-- === 0) throw failed("more items", `"${TTLV_LIMITS.items}" or fewer`);
  const head = cursor.u32be();
  const [tag, typeNumber] = [head >>> 8, head & 0xff];
  if (!TAG_SPACES.has(tag >>> 16)) throw failed(`tag "${tag.toString(16)}"`, "one that begins with 42 or 54");
  const length = cursor.u32be();
  const value = cursor.take(length);
  if (cursor.take(paddingOf(length)).some((byte) => byte !== 0)) throw failed("padding that is not zero", "zero");
  return { tag, ...readValue(typeNumber, value, depth, budget) };
}

function readValue(typeNumber: number, value: Uint8Array, depth: number, budget: { items: number }): TtlvValue {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  switch (typeNumber) {
    case TYPES.structure:
      return { type: "structure", items: readItems(value, depth, budget) };
    case TYPES.integer:
      return { type: "integer", value: sized(view, 4).getInt32(0) };
    case TYPES.long:
      return { type: "long", value: sized(view, 8).getBigInt64(0) };
    case TYPES.big:
      if (value.length === 0 || value.length % 8 !== 0)
        throw failed(`a big integer of "${value.length}" bytes`, "a multiple of 8");
      return { type: "big", bytes: value };
    case TYPES.enumeration:
      return { type: "enumeration", value: sized(view, 4).getUint32(0) };
    case TYPES.boolean:
      return { type: "boolean", value: booleanOf(sized(view, 8).getBigUint64(0)) };
    case TYPES.text:
      return { type: "text", value: fromUtf8(value) };
    case TYPES.bytes:
      return { type: "bytes", value };
    case TYPES["date-time"]:
      return { type: "date-time", value: sized(view, 8).getBigInt64(0) };
    case TYPES.interval:
      return { type: "interval", value: sized(view, 4).getUint32(0) };
    default:
      throw failed(`item type "${typeNumber}"`, "a type of KMIP");
  }
}

function readItems(bytes: Uint8Array, depth: number, budget: { items: number }): Ttlv[] {
  const cursor = new Cursor(bytes);
  const items: Ttlv[] = [];
  while (cursor.remaining > 0) items.push(readItem(cursor, depth - 1, budget));
  return items;
}

function sized(view: DataView, length: number): DataView {
  if (view.byteLength === length) return view;
  throw failed(`a value of "${view.byteLength}" bytes`, `"${length}"`);
}

function booleanOf(value: bigint): boolean {
  if (value > 1n) throw failed("a boolean of another value", "0 or 1");
  return value === 1n;
}

function failed(got: string, wanted: string, options?: ErrorOptions): KmsError {
  return new KmsError("kms_answer", `Parse KMIP message failed: got ${got}, wanted ${wanted}`, options);
}
