import { fromUtf8 } from "@constellation/bytes";
import { JsonError } from "./error.ts";
import { countMembers, endOfString, endOfValue, skipSpace } from "./scan.ts";

/** A parsed object; its members are not looked at yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Parses JSON (RFC 8259) and refuses what parsers read differently: an object with the same key twice, at any depth,
 * and bytes that are not UTF-8. Nesting is bounded.
 * @throws JsonError
 */
export function parseStrictJson(input: Uint8Array | string): unknown {
  const text = typeof input === "string" ? input : decode(input);
  // Nesting is bounded before anything that recurses sees the text.
  const members = countMembers(text);
  const value = parse(text);
  // Of members with the same key the parser keeps one.
  if (membersOf(value) !== members) {
    throw new JsonError("duplicate_key", "Parse JSON failed: got an object with a key twice, wanted each key once");
  }
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new JsonError("syntax", "Parse JSON failed: got text that is not JSON, wanted one JSON value", { cause });
  }
}

/** How many members all objects in a value have together. */
function membersOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const isArray = Array.isArray(value);
  const items: readonly unknown[] = isArray ? value : Object.values(value);
  let members = isArray ? 0 : items.length;
  for (const item of items) members += membersOf(item);
  return members;
}

/** As `parseStrictJson`, for a document that must be an object. @throws JsonError */
export function parseStrictJsonObject(input: Uint8Array | string): JsonObject {
  const value = parseStrictJson(input);
  if (isObject(value)) return value;
  throw new JsonError("shape", "Parse JSON failed: got another value, wanted an object");
}

/** Whether a value is an object and no array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The text of a member of the outermost object, exactly as it stands: what a signature over a part of a document
 * covers. The document has passed `parseStrictJsonObject`.
 * @throws JsonError `shape` where there is no such member
 */
export function memberText(document: string, key: string): string {
  let i = skipSpace(document, skipSpace(document, 0) + 1);
  while (document.charAt(i) === '"') {
    const end = endOfString(document, i);
    const start = skipSpace(document, skipSpace(document, end) + 1);
    const valueEnd = endOfValue(document, start);
    if (JSON.parse(document.slice(i, end)) === key) return document.slice(start, valueEnd);
    i = skipSpace(document, skipSpace(document, valueEnd) + 1);
  }
  throw new JsonError("shape", `Read JSON failed: got an object without member "${key}", wanted it`);
}

function decode(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch (cause) {
    throw new JsonError("syntax", "Parse JSON failed: got bytes that are not UTF-8, wanted UTF-8", { cause });
  }
}
