import { BytesError, Cursor, fromUtf8 } from "@constellation/bytes";
import { CoseError } from "./error.ts";

/** A data item: integers are bigints whatever their size, null is CBOR's null. */
export type CborValue = bigint | Uint8Array | string | boolean | null | CborArray | CborMap;

/** An array of data items. */
export type CborArray = readonly CborValue[];

/** A map, in the order of its encoding. Keys are integers and text only. */
export type CborMap = ReadonlyMap<CborKey, CborValue>;

/** A key of a map. */
export type CborKey = bigint | string;

/** Bounds on what `parseCbor` looks at. */
export interface CborLimits {
  readonly maxSizeBytes: number;
  /** Levels of arrays and maps, and the items in the innermost. */
  readonly maxDepth: number;
  /** Data items in all, each key and each value counting as one. */
  readonly maxItems: number;
}

/** Enough for signed documents with certificates. */
export const DEFAULT_CBOR_LIMITS: CborLimits = { maxSizeBytes: 64 * 1024, maxDepth: 8, maxItems: 1024 };

/** Major types (RFC 8949 section 3.1). */
const MAJOR = { UNSIGNED: 0, NEGATIVE: 1, BYTES: 2, TEXT: 3, ARRAY: 4, MAP: 5 } as const;
const INDEFINITE = 31;
const BREAK = 0xff;

/** Simple values (RFC 8949 section 3.3) by their initial byte. */
const SIMPLE: ReadonlyMap<number, boolean | null> = new Map([
  [0xf4, false],
  [0xf5, true],
  [0xf6, null],
]);

/**
 * Parses bytes that hold exactly one CBOR data item (RFC 8949). Strict: every number and length in its shortest form,
 * no key twice, only the types of `CborValue`, nothing after the end. Keys may stand in any order, and a map, though
 * nothing else, may leave its length open: that is how Nitro documents are written. Throws `CoseError`.
 */
export function parseCbor(bytes: Uint8Array, limits: CborLimits = DEFAULT_CBOR_LIMITS): CborValue {
  if (bytes.length > limits.maxSizeBytes) {
    throw new CoseError(
      "cbor_too_large",
      `Parse CBOR failed: got "${bytes.length}" bytes, wanted "${limits.maxSizeBytes}" or fewer`,
    );
  }
  try {
    const reader = new Reader(bytes, limits.maxItems);
    const value = reader.item(limits.maxDepth);
    reader.end();
    return value;
  } catch (error) {
    throw error instanceof BytesError ? ofBytesError(error) : error;
  }
}

function ofBytesError(cause: BytesError): CoseError {
  const code = cause.code === "trailing" ? "cbor_trailing" : cause.code === "encoding" ? "cbor_text" : "cbor_truncated";
  return new CoseError(code, `Parse CBOR failed: ${cause.message}`, { cause });
}

class Reader {
  readonly #cursor: Cursor;
  #itemsLeft: number;

  constructor(bytes: Uint8Array, maxItems: number) {
    this.#cursor = new Cursor(bytes);
    this.#itemsLeft = maxItems;
  }

  end(): void {
    this.#cursor.end();
  }

  item(depthLeft: number): CborValue {
    return this.#itemAfter(this.#cursor.u8(), depthLeft);
  }

  #itemAfter(initial: number, depthLeft: number): CborValue {
    this.#count(depthLeft);
    const simple = SIMPLE.get(initial);
    if (simple !== undefined) return simple;
    const [major, info] = [initial >> 5, initial & 0x1f];
    if (major === MAJOR.MAP && info === INDEFINITE) return this.#openMap(depthLeft);
    if (major > MAJOR.MAP || info === INDEFINITE) {
      throw new CoseError(
        "cbor_unsupported",
        `Parse CBOR failed: got initial byte "0x${initial.toString(16)}", wanted another kind of item`,
      );
    }
    return this.#ofMajor(major, this.#argument(info), depthLeft);
  }

  #ofMajor(major: number, argument: bigint, depthLeft: number): CborValue {
    switch (major) {
      case MAJOR.UNSIGNED:
        return argument;
      case MAJOR.NEGATIVE:
        return -1n - argument;
      case MAJOR.BYTES:
        return this.#cursor.take(this.#length(argument));
      case MAJOR.TEXT:
        return fromUtf8(this.#cursor.take(this.#length(argument)));
      case MAJOR.ARRAY:
        return Array.from({ length: this.#length(argument) }, () => this.item(depthLeft - 1));
      default:
        return this.#closedMap(this.#length(argument), depthLeft);
    }
  }

  /** Refuses what would run deeper or longer than allowed, before it is read. */
  #count(depthLeft: number): void {
    if (depthLeft === 0) {
      throw new CoseError(
        "cbor_too_deep",
        "Parse CBOR failed: got items nested deeper than the limit, wanted fewer levels",
      );
    }
    if (this.#itemsLeft === 0) {
      throw new CoseError("cbor_too_large", "Parse CBOR failed: got more data items than the limit, wanted fewer");
    }
    this.#itemsLeft -= 1;
  }

  /** RFC 8949 section 3 and, for the shortest form, section 4.2.1. */
  #argument(info: number): bigint {
    if (info < 24) return BigInt(info);
    const [value, least] = this.#longArgument(info);
    if (value < least) {
      throw new CoseError("cbor_head", `Parse CBOR failed: got "${value}" in too many bytes, wanted its shortest form`);
    }
    return value;
  }

  /** The number after the initial byte, and the least one that needs so many bytes. */
  #longArgument(info: number): [value: bigint, least: bigint] {
    switch (info) {
      case 24:
        return [BigInt(this.#cursor.u8()), 24n];
      case 25:
        return [BigInt(this.#cursor.u16be()), 0x100n];
      case 26:
        return [BigInt(this.#cursor.u32be()), 0x10000n];
      case 27:
        return [this.#cursor.u64be(), 0x100000000n];
      default:
        throw new CoseError("cbor_head", `Parse CBOR failed: got additional information "${info}", wanted 27 or less`);
    }
  }

  /** A length that the rest of the input can hold: each byte, item or pair takes one byte or more. */
  #length(argument: bigint): number {
    if (argument > BigInt(this.#cursor.remaining)) {
      throw new CoseError(
        "cbor_truncated",
        `Parse CBOR failed: got length "${argument}" with "${this.#cursor.remaining}" bytes left, wanted that many`,
      );
    }
    return Number(argument);
  }

  #closedMap(size: number, depthLeft: number): CborMap {
    const map = new Map<CborKey, CborValue>();
    for (let i = 0; i < size; i++) this.#pair(map, this.#cursor.u8(), depthLeft - 1);
    return map;
  }

  #openMap(depthLeft: number): CborMap {
    const map = new Map<CborKey, CborValue>();
    for (let initial = this.#cursor.u8(); initial !== BREAK; initial = this.#cursor.u8()) {
      this.#pair(map, initial, depthLeft - 1);
    }
    return map;
  }

  #pair(map: Map<CborKey, CborValue>, initial: number, depthLeft: number): void {
    const key = this.#itemAfter(initial, depthLeft);
    if (typeof key !== "bigint" && typeof key !== "string") {
      throw new CoseError("cbor_key", "Parse CBOR failed: got a map key of another type, wanted an integer or text");
    }
    if (map.has(key)) {
      throw new CoseError("cbor_duplicate_key", `Parse CBOR failed: got key ${shown(key)} twice, wanted it once`);
    }
    map.set(key, this.item(depthLeft));
  }
}

/** Longest text of a key in a message. */
const MAX_SHOWN = 80;

/** A key for a message: anyone may have written it, so it is quoted, escaped and cut. */
export function shown(key: CborKey): string {
  const text = typeof key === "string" ? JSON.stringify(key) : `"${key}"`;
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}
