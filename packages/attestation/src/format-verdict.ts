import { describeTrustVector } from "@constellation/verdict";
import type { Check } from "./check.ts";
import type { Verdict } from "./verdict.ts";

const HEADER = ["CHECK", "OUTCOME", "GOT", "WANTED"];

/** A table stays readable where a policy lists many values; the verdict itself has all. */
const MAX_CELL_LENGTH = 136;

/** A verdict for people: the result, the identity and chain claimed, what is shown, and a table with every check. Ends in a line feed. */
export function formatVerdict(verdict: Verdict): string {
  const rows = [HEADER, ...verdict.checks.map(row)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((cells) => (cells[column] as string).length)));
  const table = rows.map((cells) => cells.map((cell, column) => cell.padEnd(widths[column] as number)).join("  "));
  const shown = describeTrustVector(verdict.trustVector).map(([claim, tier, words]) => `${claim}: ${tier}, ${words}`);
  return `${[...summary(verdict), "", ...shown.map(printable), "", ...table].map((line) => line.trimEnd()).join("\n")}\n`;
}

function summary({ accepted, variant, trust, checks, claims }: Verdict): string[] {
  const failed = checks.filter((check) => check.outcome === "fail").length;
  const result = accepted ? "ACCEPTED" : `REFUSED (${failed} of ${checks.length} checks failed)`;
  return [
    `Evidence (${variant}): ${result}`,
    ...trust.map((party) => `Rests on the word of: ${printable(party)}`),
    ...(claims.ekDigest === undefined ? [] : [`Endorsement key: sha256:${claims.ekDigest}`]),
    ...(claims.chain === undefined ? [] : [`Certificate chain: ${claims.chain.map(printable).join(" <- ")}`]),
  ];
}

function row(check: Check): string[] {
  return [check.name, outcome(check), check.got ?? "", wanted(check)].map(printable).map(cut);
}

function cut(text: string): string {
  return text.length > MAX_CELL_LENGTH ? `${text.slice(0, MAX_CELL_LENGTH - 3)}...` : text;
}

function outcome(check: Check): string {
  return check.outcome === "fail" ? `fail (${check.code})` : check.outcome;
}

function wanted(check: Check): string {
  const reason = check.outcome === "pass" ? undefined : check.reason;
  return [check.wanted, reason && `(${reason})`].filter((part) => part !== undefined).join(" ");
}

/** Text that can't move a terminal's cursor. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, "?");
}
