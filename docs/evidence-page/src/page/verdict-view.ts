import type { CaseVerdict } from "@constellation/evidence/case";
import { type Check, describeTrustVector } from "@constellation/verdict";
import type { TrustedRoot } from "./dropped-cases.ts";
import { element } from "./elements.ts";
import type { Outcome } from "./judging.ts";

/** What a verdict is about. */
export interface Subject {
  readonly title: string;
  readonly kind: string;
  readonly verifyTime: Date | undefined;
  readonly roots: readonly TrustedRoot[];
  /** Whether a policy was stated; without one evidence can be found genuine only. */
  readonly policy: "stated" | "none";
}

/** The verdict on a piece of evidence with every check. */
export function verdictView(subject: Subject, outcome: Outcome): HTMLElement {
  const { title, kind, verifyTime, roots } = subject;
  const facts: (readonly [string, string])[] = [
    ["Kind", kind],
    ["Verified at", verifyTime?.toISOString() ?? "no clock: no certificate is involved"],
  ];
  return element(
    "article",
    { "data-subject": title, "data-verdict": verdictWord(outcome) },
    element("h3", {}, title),
    element("p", { class: `verdict ${verdictWord(outcome)}` }, verdictText(subject, outcome)),
    element(
      "dl",
      {},
      ...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
      element("dt", {}, "Trusted roots"),
      ...(roots.length === 0 ? [element("dd", {}, "none")] : roots.map(rootView)),
    ),
    ...(outcome.kind === "judged" ? judgementViews(title, outcome.judgement) : []),
  );
}

function judgementViews(title: string, judgement: CaseVerdict): HTMLElement[] {
  const failed = judgement.checks.flatMap((check) => (check.outcome === "fail" ? [check] : []));
  // What was not looked at failed for what stands before it.
  const causes = failed.filter(({ code }) => code !== "not_checked");
  const list = causes.map((check) => element("li", {}, `${check.name} (${check.code}): ${explain(check)}`));
  return [
    ...(list.length === 0 ? [] : [element("ul", { class: "causes", "aria-label": "Refused because of" }, ...list)]),
    trustView(judgement),
    checksTable(title, judgement.checks),
    claimsView(judgement),
  ];
}

/** What the checks show of each claim of AR4SI. */
function trustView({ status, trustVector }: CaseVerdict): HTMLElement {
  const rows = describeTrustVector(trustVector).flatMap(([claim, tier, words]) => [
    element("dt", {}, claim),
    element("dd", {}, `${tier}: ${words}`),
  ]);
  const summary = element("summary", {}, `Trustworthiness: ${status}`);
  return element("details", { class: "trust" }, summary, element("dl", {}, ...rows));
}

function explain({ got, wanted, reason }: { got?: string; wanted?: string; reason?: string }): string {
  const parts = [
    got === undefined ? [] : [`got ${got}`],
    wanted === undefined ? [] : [`wanted ${wanted}`],
    reason ?? [],
  ];
  return parts.flat().join(", ");
}

function rootView({ name, sha256 }: TrustedRoot): HTMLElement {
  return element("dd", {}, `${name}, SHA-256 `, element("code", {}, sha256));
}

function verdictWord(outcome: Outcome): "accepted" | "refused" | "not-judged" {
  if (outcome.kind === "not-judged") return "not-judged";
  return outcome.judgement.accepted ? "accepted" : "refused";
}

function verdictText({ policy }: Subject, outcome: Outcome): string {
  if (outcome.kind === "not-judged") return `No verdict: ${outcome.reason}`;
  const { accepted, checks } = outcome.judgement;
  const failed = checks.flatMap((check) => (check.outcome === "fail" ? [check] : []));
  const open = checks.filter((check) => check.outcome === "accepted-by-choice").length;
  if (accepted) {
    return policy === "stated"
      ? `Accepted: ${checks.length} checks, of which the policy leaves ${open} open`
      : `Genuine, by the roots you trust: ${checks.length} checks, of which ${open} are open, as no policy says what is acceptable`;
  }
  return `Refused (${failed[0]?.code ?? "no checks"}): ${failed.length} of ${checks.length} checks failed`;
}

const OUTCOMES = { pass: "ok", fail: "FAILED", "accepted-by-choice": "any" } as const;
const COLUMNS = ["Result", "Check", "Got", "Wanted", "Code or reason"] as const;

function checksTable(title: string, checks: readonly Check[]): HTMLElement {
  const head = element("tr", {}, ...COLUMNS.map((name) => element("th", { scope: "col" }, name)));
  return element(
    "div",
    { class: "scroll", role: "region", tabindex: "0", "aria-label": `Checks of ${title}` },
    element(
      "table",
      {},
      element("caption", {}, `${checks.length} checks`),
      element("thead", {}, head),
      element("tbody", {}, ...checks.map(checkRow)),
    ),
  );
}

function checkRow(check: Check): HTMLElement {
  const why = [
    ...(check.outcome === "fail" ? [check.code] : []),
    ...(check.outcome === "pass" || check.reason === undefined ? [] : [check.reason]),
  ];
  return element(
    "tr",
    { class: check.outcome },
    element("td", {}, OUTCOMES[check.outcome]),
    element("th", { scope: "row" }, check.name),
    element("td", {}, check.got ?? ""),
    element("td", {}, check.wanted ?? ""),
    element("td", {}, why.join(": ")),
  );
}

/** Claims of refused evidence are nobody's word. */
function claimsView({ claims, checks }: CaseVerdict): HTMLElement {
  const warning = checks.some(({ outcome }) => outcome === "fail") ? " (refused: do not rely on it)" : "";
  const summary = element("summary", {}, `What the evidence says${warning}`);
  return element("details", {}, summary, element("pre", { tabindex: "0" }, JSON.stringify(claims, null, 2)));
}
