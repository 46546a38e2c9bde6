/** A value that JSON can hold. Of numbers, RFC 8785 wants what JSON.stringify gives. */
type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** JSON without white space and with keys sorted by UTF-16 code units (RFC 8785 section 3.2). */
export function canonicalJson(value: object): string {
  return serialize(value as Json);
}

function serialize(value: Json): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(serialize).join(",")}]`;
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${serialize(value[key] as Json)}`);
  return `{${members.join(",")}}`;
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value);
}
