import { base64, fromBase64, fromHex, hex } from "@constellation/bytes";
import { shown } from "./shown.ts";
import { isObject, join, type Reader } from "./reader.ts";

/** A value that JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** How one part of a document is read and written. `write` gives what `read` takes. */
export interface Field<T> {
  /** Reads a value; where it is wrong, notes a finding and gives something of the type. */
  read(reader: Reader, path: string, value: unknown): T;
  write(value: T): Json;
}

/** The type that a field describes. */
export type ValueOf<F> = F extends Field<infer T> ? T : never;

type Fields<T> = { readonly [K in keyof T]: Field<T[K]> };

/** An object with exactly these members. */
export function object<T extends object>(fields: Fields<T>): Field<T> {
  const keys = Object.keys(fields) as (keyof T & string)[];
  return {
    read(reader, path, value) {
      const members = reader.object(path, value, keys);
      return Object.fromEntries(keys.map((key) => [key, fields[key].read(reader, join(path, key), members[key])])) as T;
    },
    write: (value) => Object.fromEntries(keys.map((key) => [key, fields[key].write(value[key])])),
  };
}

/** Longest list where nothing else is said. */
const MAX_LENGTH = 1024;

/** A list of at most `max` members. */
export function list<T>(item: Field<T>, max: number = MAX_LENGTH): Field<readonly T[]> {
  return {
    read(reader, path, value) {
      if (Array.isArray(value) && value.length <= max) {
        return value.map((member, index) => item.read(reader, `${path}.${index}`, member));
      }
      reader.add(path, shown(value), Array.isArray(value) ? `a list of at most ${max}` : "a list");
      return [];
    },
    write: (value) => value.map((member) => item.write(member)),
  };
}

/** A text of a form; `wanted` says it in words. */
export function text(pattern: RegExp, wanted: string): Field<string> {
  return {
    read(reader, path, value) {
      if (typeof value === "string" && pattern.test(value)) return value;
      reader.add(path, shown(value), wanted);
      return "";
    },
    write: (value) => value,
  };
}

/** A short line for people. */
export const REASON: Field<string> = text(/^[^\p{C}]{1,200}$/u, "a reason of 1 to 200 printable characters");

/** One of several texts. */
export function oneOf<const K extends string>(wanted: readonly K[]): Field<K> {
  return {
    read(reader, path, value) {
      const found = wanted.find((candidate) => candidate === value);
      if (found === undefined) reader.add(path, shown(value), wanted.map((known) => `"${known}"`).join(" or "));
      return found ?? (wanted[0] as K);
    },
    write: (value) => value,
  };
}

/** true or false. */
export const FLAG: Field<boolean> = {
  read(reader, path, value) {
    if (typeof value === "boolean") return value;
    reader.add(path, shown(value), "true or false");
    return false;
  },
  write: (value) => value,
};

/** A whole number within bounds. */
export function whole(min: number, max: number): Field<number> {
  return {
    read(reader, path, value) {
      if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
      reader.add(path, shown(value), `a whole number from ${min} to ${max}`);
      return min;
    },
    write: (value) => value,
  };
}

/** Bytes as lower-case hexadecimal text; a number where there is but one length. */
export function bytes(min: number, max: number = min): Field<Uint8Array> {
  const wanted = min === max ? `${2 * min} lower-case hex digits` : `${2 * min} to ${2 * max} lower-case hex digits`;
  return {
    read(reader, path, value) {
      const isHex = typeof value === "string" && /^(?:[0-9a-f]{2})*$/.test(value);
      if (isHex && value.length >= 2 * min && value.length <= 2 * max) return fromHex(value);
      reader.add(path, shown(value), wanted);
      return new Uint8Array(min);
    },
    write: hex,
  };
}

/** Bytes as base64 text, at most `max` of them. */
export function blob(max: number): Field<Uint8Array> {
  const wanted = `base64 text of at most ${max} bytes`;
  return {
    read(reader, path, value) {
      const decoded = typeof value === "string" && value.length <= Math.ceil(max / 3) * 4 ? decode(value) : undefined;
      if (decoded !== undefined && decoded.length <= max) return decoded;
      reader.add(path, shown(value), wanted);
      return new Uint8Array();
    },
    write: base64,
  };
}

function decode(value: string): Uint8Array | undefined {
  try {
    return fromBase64(value);
  } catch {
    return undefined;
  }
}

/** A value that may not be there: null then, never left out. */
export function nullable<T>(item: Field<T>): Field<T | undefined> {
  return {
    read: (reader, path, value) => (value === null ? undefined : item.read(reader, path, value)),
    write: (value) => (value === undefined ? null : item.write(value)),
  };
}

/** An unsigned number of at most 64 bits as `0x` and hexadecimal digits. */
export const BITS_64: Field<bigint> = {
  read(reader, path, value) {
    if (typeof value === "string" && /^0x(?:0|[1-9a-f][0-9a-f]{0,15})$/.test(value)) return BigInt(value);
    reader.add(path, shown(value), '"0x" and up to 16 lower-case hex digits');
    return 0n;
  },
  write: (value) => `0x${value.toString(16)}`,
};

/** A time of RFC 3339 in UTC. */
export const TIME: Field<Date> = {
  read(reader, path, value) {
    const time = typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/.test(value);
    const date = new Date(time ? value : Number.NaN);
    // A day that its month does not have would be taken for one of the next.
    if (!Number.isNaN(date.getTime()) && date.toISOString().startsWith((value as string).slice(0, 10))) return date;
    reader.add(path, shown(value), "a time as 2026-01-31T23:59:59Z");
    return new Date(0);
  },
  write: (value) => value.toISOString(),
};

type Kinds<T extends { readonly kind: string }> = {
  readonly [K in T["kind"]]: Fields<Omit<Extract<T, { readonly kind: K }>, "kind">>;
};

/** One of several kinds of object, told by the member `kind`; each has its own further members. */
export function choice<T extends { readonly kind: string }>(kinds: Kinds<T>): Field<T> {
  const names = Object.keys(kinds) as T["kind"][];
  const kindField = oneOf(names);
  const membersOf = (kind: T["kind"]): [string, Field<unknown>][] => Object.entries(kinds[kind]);
  return {
    read(reader, path, value) {
      const kind = isObject(value) ? kindField.read(reader, join(path, "kind"), value["kind"]) : undefined;
      if (kind === undefined || (isObject(value) && value["kind"] !== kind)) {
        if (kind === undefined) reader.object(path, value, []);
        return { kind: names[0] } as T;
      }
      const keys = membersOf(kind).map(([key]) => key);
      const members = reader.object(path, value, ["kind", ...keys]);
      const entries = membersOf(kind).map(([key, field]) => [key, field.read(reader, join(path, key), members[key])]);
      return { kind, ...Object.fromEntries(entries) } as T;
    },
    write(value) {
      const source = value as unknown as Readonly<Record<string, unknown>>;
      const entries = membersOf(value.kind).map(([key, field]) => [key, field.write(source[key])] as const);
      return { kind: value.kind, ...Object.fromEntries(entries) };
    },
  };
}
