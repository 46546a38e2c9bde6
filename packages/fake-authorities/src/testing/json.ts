/** A value of JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** An object of JSON. */
export type JsonObject = { readonly [key: string]: Json };

/** Whether a value is an object, and no list. */
export function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A copy with another value at a path. */
export function withValue(document: Json, path: readonly string[], value: Json): Json {
  const [key, ...others] = path;
  if (key === undefined) return value;
  if (isObject(document)) return { ...document, [key]: withValue(document[key] as Json, others, value) };
  return (document as readonly Json[]).map((item, index) =>
    `${index}` === key ? withValue(item, others, value) : item,
  );
}

/** The value at a path. */
export function valueAt(document: Json, path: readonly string[]): Json {
  return path.reduce((value, key) => (value as JsonObject)[key] as Json, document);
}

/** A text, number or null in a document. */
export interface Leaf {
  readonly path: readonly string[];
  readonly value: Json;
}

/** All texts, numbers, flags and nulls of a document. */
export function leavesOf(value: Json, path: readonly string[] = []): Leaf[] {
  if (typeof value !== "object" || value === null) return [{ path, value }];
  return Object.entries(value).flatMap(([key, member]) => leavesOf(member as Json, [...path, key]));
}
