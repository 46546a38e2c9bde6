import { type JsonError, parseStrictJson } from "@constellation/json";
import type { Field } from "./field.ts";
import { type Finding, Reader } from "./reader.ts";

/** What came of reading a document: its value, or every wrong field. */
export type ReadDocument<T> =
  | { readonly value: T; readonly findings?: undefined }
  | { readonly value?: undefined; readonly findings: readonly Finding[] };

/** Reads a parsed document by its description. */
export function readValue<T>(field: Field<T>, document: unknown): ReadDocument<T> {
  const reader = new Reader();
  const value = field.read(reader, "", document);
  return reader.findings.length > 0 ? { findings: reader.findings } : { value };
}

/** Reads the text of a document, strict JSON, by its description. */
export function readJson<T>(field: Field<T>, text: Uint8Array | string): ReadDocument<T> {
  let document: unknown;
  try {
    document = parseStrictJson(text);
  } catch (error) {
    return { findings: [{ path: "", got: (error as JsonError).message, wanted: "strict JSON" }] };
  }
  return readValue(field, document);
}

/** All findings in a line; `what` stands for the whole document. */
export function findingsText(what: string, findings: readonly Finding[]): string {
  return findings.map(({ path, got, wanted }) => `${path || what}: got ${got}, wanted ${wanted}`).join("; ");
}
