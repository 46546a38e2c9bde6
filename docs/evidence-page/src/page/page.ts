import type { CaseInput } from "@constellation/evidence/case";
import {
  caseFolders,
  type Dropped,
  looseFiles,
  readDroppedCase,
  type TrustedRoot,
  withFiles,
} from "./dropped-cases.ts";
import { type FileSource, readFiles } from "./dropped-files.ts";
import { byId, element } from "./elements.ts";
import { fileView } from "./file-view.ts";
import { judge, show } from "./judging.ts";
import { type KnownFile, looseCase, looseCertificates, looseEvidence, possibleRoots } from "./loose-evidence.ts";
import { NO_TRUST, type Trust, trustView } from "./trust-view.ts";
import { verdictView } from "./verdict-view.ts";

/** What was dropped so far, and what is on the page of it. */
export class Page {
  #dropped: Dropped = new Map();
  #trust: Trust = NO_TRUST;
  /** Ends the work on what was there before. */
  #work = new AbortController();

  /** Adds files to those that are there, and judges all anew. What goes wrong is said on the page. */
  async add(sources: Promise<readonly FileSource[]>): Promise<void> {
    const work = this.#begin("Reading files");
    try {
      const files = await readFiles(await sources);
      this.#dropped = withFiles(this.#dropped, files);
      await this.#show(work);
    } catch (error) {
      say(`Nothing was judged. ${(error as Error).message}`);
    }
  }

  /** Forgets all files and all trust. */
  clear(): void {
    this.#begin("All files are forgotten");
    this.#dropped = new Map();
    this.#trust = NO_TRUST;
    for (const id of ["verdicts", "loose", "files"]) byId(id).replaceChildren();
  }

  #begin(status: string): AbortSignal {
    this.#work.abort();
    this.#work = new AbortController();
    say(status);
    return this.#work.signal;
  }

  async #show(work: AbortSignal): Promise<void> {
    const focused = document.activeElement?.getAttribute("data-control");
    byId("files").replaceChildren(...Array.from(this.#dropped, ([path, bytes]) => fileView({ path, bytes })));
    byId("verdicts").replaceChildren();
    byId("loose").replaceChildren();
    const folders = caseFolders(this.#dropped);
    for (const folder of folders) {
      say(`Judging ${folder || "the case"}`);
      const view = await this.#caseView(folder);
      if (work.aborted) return;
      byId("verdicts").append(view);
    }
    const loose = await this.#looseViews();
    if (work.aborted) return;
    byId("loose").replaceChildren(...loose.views);
    // Who decided by keyboard goes on from there.
    if (focused) document.querySelector<HTMLElement>(`[data-control="${focused}"]`)?.focus();
    say(summary(this.#dropped.size, folders.length, loose.verdicts));
  }

  async #caseView(folder: string): Promise<HTMLElement> {
    let roots: readonly TrustedRoot[] = [];
    let input: CaseInput | undefined;
    const outcome = await judge(() => {
      const read = readDroppedCase(this.#dropped, folder);
      ({ roots, input } = read);
      return read.input;
    });
    const title = input?.case.id ?? (folder || "case.json");
    const { kind = "not known", verifyTime } = input?.case ?? {};
    return verdictView({ title, kind, verifyTime, roots, policy: "stated" }, outcome);
  }

  /** Evidence that is in no case: judged by the roots that were ticked. */
  async #looseViews(): Promise<{ views: HTMLElement[]; verdicts: number }> {
    const known: KnownFile[] = [];
    for (const file of looseFiles(this.#dropped)) {
      const shown = await show(file.bytes);
      if (typeof shown !== "string") known.push({ ...file, ...shown });
    }
    const certificates = looseCertificates(known);
    const evidence = looseEvidence(known, certificates);
    if (evidence.length === 0) return { views: [], verdicts: 0 };
    const possible = possibleRoots(certificates);
    const trusted = possible.filter(({ sha256 }) => this.#trust.roots.has(sha256));
    const now = this.#trust.time ?? new Date();
    const roots = trusted.map(({ subject, pem, sha256 }) => ({ name: subject, pem, sha256 }));
    const verdicts: HTMLElement[] = [];
    for (const one of evidence) {
      const outcome = await judge(() =>
        looseCase(
          one,
          roots.map(({ pem }) => pem),
          now,
        ),
      );
      verdicts.push(verdictView({ title: one.path, kind: one.kind, verifyTime: now, roots, policy: "none" }, outcome));
    }
    const decide = (trust: Trust): void => {
      this.#trust = trust;
      void this.#show(this.#begin("Judging anew"));
    };
    return { views: [trustView(possible, this.#trust, decide), ...verdicts], verdicts: verdicts.length };
  }
}

function summary(files: number, cases: number, loose: number): string {
  if (cases + loose > 0) return `Judged ${cases} cases and ${loose} single pieces of evidence, of ${files} files`;
  return `${files} files, and nothing to judge among them: a verdict needs a case folder, or a report with its certificates`;
}

function say(status: string): void {
  byId("status").replaceChildren(element("span", {}, status));
}
