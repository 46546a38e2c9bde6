import { element } from "./elements.ts";
import type { LooseCertificate } from "./loose-evidence.ts";

/** What somebody decided about single files: whom to trust, and when to verify at. */
export interface Trust {
  /** SHA-256 of roots. */
  readonly roots: ReadonlySet<string>;
  /** Undefined for the clock of this machine. */
  readonly time: Date | undefined;
}

/** Nobody is trusted for being there. */
export const NO_TRUST: Trust = { roots: new Set(), time: undefined };

/** A tick box for each root that came with single files, and a clock. `decide` is told of each change. */
export function trustView(
  roots: readonly LooseCertificate[],
  trust: Trust,
  decide: (trust: Trust) => void,
): HTMLElement {
  const none = element("p", {}, "There is no root among the files, so nobody vouches for this evidence.");
  return element(
    "fieldset",
    {},
    element("legend", {}, "Single files: whom do you trust?"),
    element(
      "p",
      {},
      "Anybody can make a root of any name. Compare its SHA-256 with what its maker publishes before you tick it.",
    ),
    ...(roots.length === 0 ? [none] : roots.map((root) => rootChoice(root, trust, decide))),
    clockChoice(trust, decide),
  );
}

function rootChoice({ subject, sha256 }: LooseCertificate, trust: Trust, decide: (trust: Trust) => void): HTMLElement {
  const box = element("input", { type: "checkbox", "data-control": sha256 });
  box.checked = trust.roots.has(sha256);
  box.addEventListener("change", () => {
    const others = [...trust.roots].filter((root) => root !== sha256);
    decide({ ...trust, roots: new Set(box.checked ? [...others, sha256] : others) });
  });
  return element("label", {}, box, ` ${subject} `, element("code", {}, sha256));
}

/** Certificates of some evidence are over within hours. */
function clockChoice(trust: Trust, decide: (trust: Trust) => void): HTMLElement {
  const input = element("input", { type: "datetime-local", step: "1", "data-control": "clock" });
  const before = trust.time?.toISOString().slice(0, 19) ?? "";
  input.value = before;
  let isDecided = false;
  const commit = (): void => {
    if (isDecided || input.value === before) return;
    // The field leaves the page with the decision, and loses the focus then.
    isDecided = true;
    const time = new Date(`${input.value}Z`);
    decide({ ...trust, time: Number.isNaN(time.getTime()) ? undefined : time });
  };
  // Not at each change: a year that is being typed is a time already.
  input.addEventListener("blur", commit);
  input.addEventListener("keydown", ({ key }) => {
    if (key === "Enter") commit();
  });
  return element("label", {}, "Verify at this time in UTC, empty for now; Enter judges ", input);
}
