import type { Range, Reason } from "./range.ts";

const BANK = /"(sha\d+)":\s*\{[^}]*\}/g;
const NAME = /"\w+"(?=\s*:)/g;
const OTHER_MEMBER = /"(?!sha\d)[a-z_]+":\s*"[^"]*"/g;

/** In a file of register values: banks that are not among those compared, and members that are no bank. */
export function otherBanks(json: Uint8Array, compared: readonly string[]): Range[] {
  const text = textOf(json);
  const banks = Array.from(text.matchAll(BANK)).flatMap((match) => {
    const bank = match[1] as string;
    return compared.includes(bank) ? [] : [rangeOf(match, bank === "sha1" ? "sha1" : "otherBank")];
  });
  return [...banks, ...Array.from(text.matchAll(OTHER_MEMBER), (match) => rangeOf(match, "notRead"))];
}

/** The names of banks and registers. */
export function registerNames(json: Uint8Array): Range[] {
  return Array.from(textOf(json).matchAll(NAME), (match) => rangeOf(match, "reference"));
}

function rangeOf({ 0: text, index }: RegExpExecArray, reason: Reason): Range {
  return { start: index, end: index + text.length, reason };
}

function textOf(json: Uint8Array): string {
  return Buffer.from(json).toString("latin1");
}
