import { JsonError } from "./error.ts";

/** Deeper than any document that is read here. */
const MAX_DEPTH = 32;

const [QUOTE, COLON] = [0x22, 0x3a];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * How many members all objects of a JSON text have together: each has one colon outside of strings. The text need not be
 * JSON: then the number means nothing. @throws JsonError `too_deep`, or `syntax` for what can't be JSON
 */
export function countMembers(text: string): number {
  let members = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfString(text, i) - 1;
    else if (code === COLON) members += 1;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++depth > MAX_DEPTH) {
        throw new JsonError("too_deep", `Parse JSON failed: got more than "${MAX_DEPTH}" levels, wanted fewer`);
      }
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      if (--depth < 0) throw closesNothing(text.charAt(i));
    }
  }
  return members;
}

function closesNothing(character: string): JsonError {
  return new JsonError(
    "syntax",
    `Parse JSON failed: got "${character}" that closes nothing, wanted an opening bracket before it`,
  );
}

/** Index after the closing quote of the string that starts at `start`. @throws JsonError `syntax` where there is none */
export function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    if (!isEscaped(text, start, quote)) return quote + 1;
  }
  throw new JsonError("syntax", "Parse JSON failed: got a string without end, wanted a closing quote");
}

/** Whether an odd number of backslashes stands before a quote of the string that starts at `start`. */
function isEscaped(text: string, start: number, quote: number): boolean {
  let first = quote;
  while (first - 1 > start && text.charAt(first - 1) === "\\") first -= 1;
  return (quote - first) % 2 === 1;
}

/** Index after the value that starts at `start`, in a text that is known to be JSON. */
export function endOfValue(text: string, start: number): number {
  const scalar = /[^\s,}\]{["]+/y;
  scalar.lastIndex = start;
  if (scalar.test(text)) return scalar.lastIndex;
  let depth = 0;
  let i = start;
  do {
    const character = text.charAt(i);
    if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") depth -= 1;
    i = character === '"' ? endOfString(text, i) : i + 1;
  } while (depth > 0);
  return i;
}

/** Index of the first character at or after `start` that is no JSON white space. */
export function skipSpace(text: string, start: number): number {
  let i = start;
  while (isSpace(text.charAt(i))) i++;
  return i;
}

function isSpace(character: string): boolean {
  return character === " " || character === "\n" || character === "\t" || character === "\r";
}
