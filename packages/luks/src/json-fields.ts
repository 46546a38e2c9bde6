import { LuksError, type LuksErrorCode } from "./errors.ts";

/** A JSON object of the header. */
export type Json = Readonly<Record<string, unknown>>;

/** Parses the JSON area: one object in its canonical form. @throws LuksError */
export function parseObject(json: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new LuksError("json", "json", "text that does not parse", "one JSON object", { cause });
  }
  const root = object("json", "json", value);
  // A text with duplicate keys, other white space or other number forms means one thing here and may mean another to
  // cryptsetup: only the canonical form passes.
  if (JSON.stringify(value) !== json) throw new LuksError("json", "json", "another form", "compact JSON");
  return root;
}

/** The one entry "0" of a section. @throws LuksError */
export function only(code: LuksErrorCode, field: string, value: unknown): Json {
  const entries = object(code, field, value);
  exactKeys(code, field, entries, ["0"]);
  return object(code, `${field}.0`, entries["0"]);
}

/** The value as an object. @throws LuksError */
export function object(code: LuksErrorCode, field: string, value: unknown): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw new LuksError(code, field, value, "an object");
}

/** Requires exactly these keys. @throws LuksError */
export function exactKeys(code: LuksErrorCode, field: string, value: Json, keys: readonly string[]): void {
  const got = Object.keys(value).sort().join(", ");
  const wanted = [...keys].sort().join(", ");
  if (got !== wanted) throw new LuksError(code, `fields of ${field}`, got, wanted);
}

/** Requires exactly this value; the order of keys does not count. @throws LuksError */
export function exact(code: LuksErrorCode, field: string, got: unknown, wanted: unknown): void {
  if (canonical(got) !== canonical(wanted)) throw new LuksError(code, field, got, wanted);
}

/** One text for equal values, whatever the order of their keys. */
export function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** Requires canonical base64 of so many bytes. @throws LuksError */
export function requireBase64(code: LuksErrorCode, field: string, value: unknown, sizeBytes: number): void {
  const bytes = typeof value === "string" ? Buffer.from(value, "base64") : undefined;
  if (bytes?.length === sizeBytes && bytes.toString("base64") === value) return;
  throw new LuksError(code, field, value, `${sizeBytes} bytes in base64`);
}
