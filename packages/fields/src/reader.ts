import { shown } from "./shown.ts";

/** One wrong field of a document. */
export interface Finding {
  /** Where, for example `pcrs.4.anyOf.0`; empty for the whole document. */
  readonly path: string;
  readonly got: string;
  readonly wanted: string;
}

/** As many as anybody mends at once; a document may be made to have millions. */
const MAX_FINDINGS = 100;

/**
 * Reads a document by a description of its fields, and reads on after a wrong one, so that all of them are found, up
 * to a hundred. What was read counts only without findings.
 */
export class Reader {
  readonly findings: Finding[] = [];

  /** What is inside a part that is wrong as a whole is no finding of its own. */
  add(path: string, got: string, wanted: string): void {
    if (this.findings.length >= MAX_FINDINGS) return;
    const isCovered = this.findings.some((found) => found.path === "" || `${path}.`.startsWith(`${found.path}.`));
    if (!isCovered) this.findings.push({ path, got, wanted });
  }

  /** The members of an object that has no others than `keys`. */
  object(path: string, value: unknown, keys: readonly string[]): Readonly<Record<string, unknown>> {
    if (!isObject(value)) {
      this.add(path, shown(value), "an object");
      return {};
    }
    for (const key of Object.keys(value)) {
      if (!keys.includes(key)) this.add(join(path, key), "an unknown field", `only ${keys.join(", ")}`);
    }
    return value;
  }
}

/** Whether a value is an object and no array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The path of a member. */
export function join(path: string, key: string): string {
  const shownKey = JSON.stringify(key).slice(1, -1);
  return path === "" ? shownKey : `${path}.${shownKey}`;
}
