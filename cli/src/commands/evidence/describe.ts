import type { CaseInput, CaseVerdict } from "@constellation/evidence/case";
import { type Check, describeTrustVector } from "@constellation/verdict";
import { earOfVerdict } from "../../ear.ts";
import { printable } from "../../terminal/printable.ts";
import { formatTable } from "../../terminal/table.ts";

/** The verdict on a case as JSON, with the EAR that says the same. */
export function describeJson({ case: { id, kind } }: CaseInput, verdict: CaseVerdict, issuedAt: Date): string {
  const { accepted, checks, claims, policyId } = verdict;
  const ear = earOfVerdict(kind, { verdict, policyId }, issuedAt);
  return `${JSON.stringify({ id, kind, accepted, checks, claims, ear }, null, 2)}\n`;
}

/** Long values are cut in the table; JSON has them whole. */
const MAX_SHOWN = 140;

/** The verdict on a case for people: what is shown, and every check. */
export function describeText({ case: { id, kind } }: CaseInput, verdict: CaseVerdict): string {
  const { accepted, checks, status, trustVector } = verdict;
  const failed = checks.flatMap((done) => (done.outcome === "fail" ? [done] : []));
  // A check that did not run says nothing on why.
  const first = failed.find(({ code }) => code !== "not_checked") ?? failed[0];
  const head = [
    [
      "Verdict",
      accepted
        ? "accepted"
        : `refused (${first?.code ?? "no checks"}): ${failed.length} of ${checks.length} checks failed`,
    ],
    ["Case", printable(id)],
    ["Kind", kind],
  ];
  const shown = describeTrustVector(trustVector).map((row) => row.map(printable));
  const rows = checks.map((done) => [OUTCOMES[done.outcome], done.name, printable(explain(done))]);
  const why = failed.map((done) => `  ${done.name} (${done.code}): ${printable(explain(done))}`);
  const sections = [
    formatTable(head),
    `Trustworthiness: ${status}\n${formatTable(shown, "  ")}`,
    `Checks:\n${formatTable(rows, "  ")}`,
    ...(why.length === 0 ? [] : [`Refused because of:\n${why.join("\n")}`]),
  ];
  return `${sections.join("\n\n")}\n`;
}

const OUTCOMES = { pass: "ok", fail: "FAILED", "accepted-by-choice": "any" } as const;

function explain(done: Check): string {
  const { got, wanted } = done;
  const reason = done.outcome === "pass" ? undefined : done.reason;
  const isShort = done.outcome === "pass" && got === wanted;
  return [
    ...(got === undefined ? [] : [`got ${got === "" ? "nothing" : cut(got)}`]),
    ...(wanted === undefined || isShort ? [] : [`wanted ${wanted === "" ? "nothing" : cut(wanted)}`]),
    ...(reason === undefined ? [] : [reason]),
  ].join(", ");
}

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}
