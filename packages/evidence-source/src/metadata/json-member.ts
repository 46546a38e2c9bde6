import { JsonError, parseStrictJsonObject } from "@constellation/json";
import { EvidenceSourceError } from "../error.ts";

/** Texts of an answer by name; other members are left alone. @throws EvidenceSourceError `metadata_malformed` */
export function textMembers<K extends string>(body: Uint8Array, names: readonly K[], what: string): Record<K, string> {
  const document = parsed(body, what);
  const entries = names.map((name) => {
    const value = document[name];
    if (typeof value === "string") return [name, value];
    throw malformed(what, `no text "${name}"`, "one");
  });
  return Object.fromEntries(entries) as Record<K, string>;
}

function parsed(body: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  try {
    return parseStrictJsonObject(body);
  } catch (cause) {
    throw malformed(what, (cause as JsonError).message, "a JSON object", cause);
  }
}

/** An answer that is not what was asked for. */
export function malformed(what: string, got: string, wanted: string, cause?: unknown): EvidenceSourceError {
  return new EvidenceSourceError("metadata_malformed", `Read ${what} failed: got ${got}, wanted ${wanted}`, { cause });
}
