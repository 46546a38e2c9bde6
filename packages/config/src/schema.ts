import { z } from "zod";
import type { Finding } from "./finding.ts";
import { formatPath, showValue } from "./finding.ts";

/** A string for which `accepts` holds; `wanted` says in words what that is. */
export function text(wanted: string, accepts: (value: string) => boolean = () => true) {
  return z.string(wanted).refine(accepts, wanted);
}

/** A whole number in the closed range. */
export function wholeNumber(minimum: number, maximum: number, unit = "") {
  const wanted = `a whole number from ${minimum} to ${maximum}${unit === "" ? "" : ` (${unit})`}`;
  return z.number(wanted).refine((value) => Number.isInteger(value) && value >= minimum && value <= maximum, wanted);
}

/** `true` or `false`. */
export function flag() {
  return z.boolean("true or false");
}

/** One of a closed set of words. */
export function choice<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, oneOf(words));
}

/** A mapping with exactly these fields; an unknown one is an error. */
export function fields<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? names : `a mapping with the fields ${names}`),
  });
}

/** A mapping from keys for which `keyWanted` holds to values of one kind. */
export function mapOf<Value extends z.ZodType>(
  keyWanted: string,
  acceptsKey: (key: string) => boolean,
  value: Value,
  wanted: string,
) {
  return z.record(text(keyWanted, acceptsKey), value, {
    error: (issue) => (issue.code === "invalid_key" ? keyWanted : wanted),
  });
}

/** A list of one kind of value. */
export function listOf<Value extends z.ZodType>(value: Value, wanted: string) {
  return z.array(value, wanted);
}

/** Checks a value against a schema and gives the parsed value or every wrong field. */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): { value: z.output<Schema> } | { findings: Finding[] } {
  const result = schema.safeParse(value);
  if (result.success) return { value: result.data };
  return { findings: result.error.issues.flatMap((issue) => findingsOf(issue, value)) };
}

function findingsOf(issue: z.core.$ZodIssue, document: unknown): Finding[] {
  if (issue.code === "unrecognized_keys") {
    const parent = valueAt(document, issue.path);
    return issue.keys.map((key) => ({
      path: formatPath([...issue.path, key]),
      got: showValue(valueAt(parent, [key])),
      wanted: unknownField(key, issue.message.split(", ")),
    }));
  }
  if (issue.code === "invalid_key") {
    return [
      {
        path: formatPath(issue.path),
        got: `the key ${showValue(issue.path.at(-1))}`,
        wanted: issue.message,
      },
    ];
  }
  return [{ path: formatPath(issue.path), got: showValue(valueAt(document, issue.path)), wanted: issue.message }];
}

function unknownField(key: string, known: readonly string[]): string {
  const near = known.find((name) => editDistance(name.toLowerCase(), key.toLowerCase()) <= 2);
  return near === undefined
    ? `no field of this name (fields here: ${known.join(", ")})`
    : `no field of this name (did you mean "${near}"?)`;
}

function oneOf(words: readonly string[]): string {
  const quoted = words.map((word) => JSON.stringify(word));
  return quoted.length === 1 ? `${quoted[0]}` : `one of ${quoted.join(", ")}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const segment of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, segment)) return undefined;
    current = (current as Record<PropertyKey, unknown>)[segment];
  }
  return current;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
