import { element } from "./elements.ts";
import type { LooseCertificate } from "./loose-evidence.ts";

/** A tick box for each root that came with single files. None is trusted for being there. */
export function rootsView(
  roots: readonly LooseCertificate[],
  trusted: ReadonlySet<string>,
  choose: (sha256: string, trust: boolean) => void,
): HTMLElement {
  const none = element("p", {}, "There is no root among the files, so nobody vouches for this evidence.");
  return element(
    "fieldset",
    {},
    element("legend", {}, "Whom do you trust?"),
    element(
      "p",
      {},
      "Anybody can make a root of any name. Compare its SHA-256 with what its maker publishes before you tick it.",
    ),
    ...(roots.length === 0 ? [none] : roots.map((root) => choiceOf(root, trusted.has(root.sha256), choose))),
  );
}

function choiceOf(
  { subject, sha256 }: LooseCertificate,
  isTrusted: boolean,
  choose: (sha256: string, trust: boolean) => void,
): HTMLElement {
  const box = element("input", { type: "checkbox", "data-root": sha256 });
  box.checked = isTrusted;
  box.addEventListener("change", () => choose(sha256, box.checked));
  return element("label", {}, box, ` ${subject} `, element("code", {}, sha256));
}
