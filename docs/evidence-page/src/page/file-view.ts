import type { ShownEvidence } from "@constellation/evidence/show";
import { element } from "./elements.ts";
import { show } from "./judging.ts";
import type { DroppedFile } from "./dropped-files.ts";

/** A file, and what it says once it is opened. Nothing in it is verified. */
export function fileView({ path, bytes }: DroppedFile): HTMLElement {
  const view = element(
    "details",
    { "data-file": path },
    element("summary", {}, element("code", {}, path), ` ${bytes.length} bytes`),
  );
  const open = (): void => {
    void show(bytes).then((shown) => view.append(contentsView(shown)));
  };
  view.addEventListener("toggle", open, { once: true });
  return view;
}

function contentsView(shown: ShownEvidence | string): HTMLElement {
  if (typeof shown === "string") return element("p", {}, shown);
  return element(
    "div",
    {},
    element("p", {}, `${shown.format}; nothing in it is verified here`),
    element("pre", { tabindex: "0" }, JSON.stringify(shown.contents, null, 2)),
  );
}
