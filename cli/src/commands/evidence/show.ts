import { resolve } from "node:path";
import { showEvidence, type ShownEvidence } from "@constellation/evidence";
import type { Context } from "../../context.ts";
import { printable } from "../../terminal/printable.ts";
import { readFile } from "./read-case.ts";
import { asUsage } from "./usage.ts";

type Contents = ShownEvidence["contents"];

/** Says what a file is and what it says. @throws CliError `usage` for a file that can't be read or is of no known format */
export function showFile(context: Context, file: string): void {
  const bytes = readFile(resolve(context.workingDirectory, file));
  const shown = asUsage(() => showEvidence(bytes));
  if (context.json) return context.io.out(`${JSON.stringify(shown, null, 2)}\n`);
  context.io.out(`${shown.format}\n\n${lines(shown.contents, "").join("\n")}\n`);
}

/** An outline: a line for each value, what is inside another indented below it. */
function lines(value: Contents, indent: string): string[] {
  if (typeof value !== "object" || value === null) return [`${indent}${printable(String(value))}`];
  const members = isList(value) ? value.map((item, index) => [`${index + 1}.`, item] as const) : Object.entries(value);
  return members.flatMap(([key, member]) => {
    const label = printable(isList(value) ? key : `${key}:`);
    if (isSimple(member)) return [`${indent}${label} ${oneLine(member)}`];
    return [`${indent}${label}`, ...lines(member, `${indent}  `)];
  });
}

/** Whether a value fits on its line: no object, and no list of objects. */
function isSimple(value: Contents): boolean {
  return (
    typeof value !== "object" || value === null || (isList(value) && value.every((item) => typeof item !== "object"))
  );
}

function oneLine(value: Contents): string {
  return printable(isList(value) ? value.join(", ") : String(value));
}

function isList(value: Contents): value is readonly Contents[] {
  return Array.isArray(value);
}
