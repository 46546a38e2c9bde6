import { hex } from "@constellation/bytes";
import type { Json } from "@constellation/fields";

/** Members that repeat what others say, or that only a signature check needs. */
const LEFT_OUT: ReadonlySet<string> = new Set(["der", "tbs", "signed", "handle"]);

/**
 * A parsed structure as JSON: bytes in hexadecimal, numbers of 64 bits as `0x` and digits, times as RFC 3339, maps as
 * objects.
 */
export function plain(value: unknown): Json {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : null;
    case "bigint":
      return value < 0n ? value.toString() : `0x${value.toString(16)}`;
    case "object":
      return value === null ? null : plainObject(value);
    default:
      return null;
  }
}

function plainObject(value: object): Json {
  if (value instanceof Uint8Array) return hex(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  const entries: [string, unknown][] =
    value instanceof Map ? Array.from(value, ([key, member]) => [String(key), member]) : Object.entries(value);
  const told = entries.filter(([key, member]) => member !== undefined && !LEFT_OUT.has(key));
  return Object.fromEntries(told.map(([key, member]) => [key, plain(member)]));
}
