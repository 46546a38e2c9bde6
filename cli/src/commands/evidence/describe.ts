import { type CaseInput, isAccepted, type Judgement } from "@constellation/evidence";
import { printable } from "../../terminal/printable.ts";
import { formatTable } from "../../terminal/table.ts";

type Check = Judgement["checks"][number];

/** What came of a case. */
export interface CaseVerdict extends Judgement {
  readonly id: string;
  readonly kind: string;
  readonly accepted: boolean;
}

/** The verdict: accepted where checks were made and none failed. */
export function verdictOf({ case: { id, kind } }: CaseInput, { checks, claims }: Judgement): CaseVerdict {
  return { id, kind, accepted: isAccepted({ checks, claims }), checks, claims };
}

/** The verdict for people, with every check, or as JSON. */
export function describeVerdict(verdict: CaseVerdict, json: boolean): string {
  return json ? `${JSON.stringify(verdict, null, 2)}\n` : describeText(verdict);
}

/** Long values are cut in the table; JSON has them whole. */
const MAX_SHOWN = 140;

function describeText({ id, kind, accepted, checks }: CaseVerdict): string {
  const failed = checks.flatMap((done) => (done.outcome === "fail" ? [done] : []));
  const [first] = failed;
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
  const rows = checks.map((done) => [OUTCOMES[done.outcome], done.name, printable(explain(done))]);
  const why = failed.map((done) => `  ${done.name} (${done.code}): ${printable(explain(done))}`);
  const sections = [
    formatTable(head),
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
    ...(got === undefined ? [] : [`got ${cut(got)}`]),
    ...(wanted === undefined || isShort ? [] : [`wanted ${cut(wanted)}`]),
    ...(reason === undefined ? [] : [reason]),
  ].join(", ");
}

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}
