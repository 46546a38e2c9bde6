/** One wrong field of a document. */
export interface Finding {
  /** Path in the document, dotted: `nodeGroups.worker_default.initialCount`. */
  readonly path: string;
  /** The value found, quoted and cut to a readable length; `nothing` where the field is missing. */
  readonly got: string;
  /** What the field must be. */
  readonly wanted: string;
}

const LONGEST_SHOWN = 72;

/** Shows a value of a document in one line: strings quoted, long values cut, a missing one as `nothing`. */
export function showValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "an empty value";
  if (typeof value === "bigint") return value.toString();
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}...` : text;
}

/** Lists findings, one per line, as they stand in error messages. */
export function formatFindings(findings: readonly Finding[]): string {
  return findings.map((finding) => `  - ${finding.path}: got ${finding.got}, wanted ${finding.wanted}`).join("\n");
}

/** Joins path segments; segments that are not plain words stand in brackets and quotes. */
export function formatPath(segments: readonly PropertyKey[]): string {
  let path = "";
  for (const segment of segments) {
    const text = String(segment);
    if (typeof segment === "number") path += `[${text}]`;
    else if (/^[\w-]+$/.test(text)) path += path === "" ? text : `.${text}`;
    else path += `[${JSON.stringify(text)}]`;
  }
  return path === "" ? "(document)" : path;
}
