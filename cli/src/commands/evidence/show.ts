import { resolve } from "node:path";
import { showEvidence, type ShownEvidence } from "@constellation/evidence/show";
import type { Context } from "../../context.ts";
import { printable } from "../../terminal/printable.ts";
import { readFile } from "./read-case.ts";
import { asUsage } from "./usage.ts";

type Contents = ShownEvidence["contents"];

/** Says what a file is and what it says. @throws CliError `usage` for a file that can't be read or is of no known format */
export async function showFile(context: Context, file: string): Promise<void> {
  const bytes = readFile(resolve(context.workingDirectory, file));
  const shown = await asUsage(() => showEvidence(bytes));
  if (context.json) return context.io.out(`${JSON.stringify(shown, null, 2)}\n`);
  context.io.out(`${shown.format}\n\n${lines(shown.contents, "").join("\n")}\n`);
}

/** An outline: a line for each value, what is inside another indented below it. */
function lines(value: Contents, indent: string): string[] {
  if (!isTree(value)) return [`${indent}${oneLine(value)}`];
  const members = isList(value) ? value.map((item, index) => [`${index + 1}.`, item] as const) : labelled(value);
  return members.flatMap(([label, member]) => {
    if (!isTree(member)) return [`${indent}${printable(label)} ${oneLine(member)}`];
    if (isList(member) && !member.some(isTree)) return [`${indent}${printable(label)} ${member.map(text).join(", ")}`];
    return [`${indent}${printable(label)}`, ...lines(member, `${indent}  `)];
  });
}

function labelled(value: { readonly [key: string]: Contents }): (readonly [string, Contents])[] {
  return Object.entries(value).map(([key, member]) => [`${key}:`, member]);
}

type Leaf = string | number | boolean | null;

function isTree(value: Contents): value is Exclude<Contents, Leaf> {
  return typeof value === "object" && value !== null;
}

/** A leaf as text; only called where nothing is inside. */
function text(value: Contents): string {
  return isTree(value) ? "" : oneLine(value);
}

function oneLine(value: Leaf): string {
  return printable(String(value));
}

function isList(value: Contents): value is readonly Contents[] {
  return Array.isArray(value);
}
