import { type Document, isScalar, LineCounter, parseDocument } from "yaml";
import { ConfigError } from "./errors.ts";

/** A parsed YAML document with the plain value it stands for. */
export interface StrictYaml {
  readonly document: Document.Parsed;
  readonly value: unknown;
}

/**
 * Parses one strict YAML 1.2 document: duplicate keys are errors, also where one is written as a number and the other
 * as a string (`4:` and `"4":` are the same field to the reader of the value).
 *
 * @param name the file's name, for messages
 * @throws ConfigError `syntax` or `duplicate-key`, with line and column of each problem
 */
export function parseStrictYaml(text: string, name: string): StrictYaml {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, strict: true, uniqueKeys: sameKey });
  const problems = [...document.errors, ...document.warnings];
  const [first] = problems;
  if (first !== undefined) {
    const code = problems.every((problem) => problem.code === "DUPLICATE_KEY") ? "duplicate-key" : "syntax";
    const findings = problems.map((problem) => {
      const { line, col } = lineCounter.linePos(problem.pos[0]);
      return {
        path: `line ${line}, column ${col}`,
        got: problem.code === "DUPLICATE_KEY" ? `the key ${keyAt(text, problem.pos[0])} again` : problem.message,
        wanted: problem.code === "DUPLICATE_KEY" ? "each key once" : "YAML 1.2",
      };
    });
    throw new ConfigError(code, `Read ${name} failed: it is not a valid document`, { findings, cause: first });
  }
  return { document, value: document.toJS() as unknown };
}

function sameKey(a: unknown, b: unknown): boolean {
  return a === b || (isScalar(a) && isScalar(b) && String(a.value) === String(b.value));
}

function keyAt(text: string, offset: number): string {
  const key = /^[^:\n]*/.exec(text.slice(offset))?.[0] ?? "";
  return JSON.stringify(key.trim().replace(/^(["'])(.*)\1$/, "$2"));
}
