import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { Harness } from "../../testing/harness.ts";
import { vendorsOf } from "../../testing/vendors.ts";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? resolve(import.meta.dirname, "../../../../../shared/vectors");
const PAGE = join(import.meta.dirname, "../../../../docs/evidence-walkthrough.md");

interface Step {
  readonly command: string;
  /** What the page shows, a line each; `...` stands for anything, in a line of its own for any lines. */
  readonly shown: readonly string[];
}

/** The commands of all blocks of a page. A here-document belongs to its command. */
function stepsOf(page: string): Step[] {
  const blocks = Array.from(page.matchAll(/^```console\n([\s\S]*?)\n```$/gm), ([, block = ""]) => block);
  return blocks.flatMap((block) => block.split(/^\$ /m).slice(1)).map(stepOf);
}

function stepOf(text: string): Step {
  const lines = text.trimEnd().split("\n");
  const end = lines[0]?.endsWith("<<'EOF'") ? lines.indexOf("EOF") : 0;
  return { command: lines.slice(0, end + 1).join("\n"), shown: lines.slice(end + 1) };
}

/** What is shown that was not printed, in its order; undefined where all of it was, and nothing else. */
function difference(shown: readonly string[], printed: string): string | undefined {
  const lines = printed.split("\n").map((line) => line.trimEnd());
  if (lines.at(-1) === "") lines.pop();
  let at = 0;
  let gap = false;
  for (const wanted of shown) {
    if (wanted.trim() === "...") {
      gap = true;
      continue;
    }
    const like = new RegExp(`^${wanted.split("...").map(escaped).join(".*")}$`);
    const found = gap ? lines.findIndex((line, index) => index >= at && like.test(line)) : at;
    const line = lines[found];
    if (line === undefined || !like.test(line)) return `shown: ${wanted}\nprinted: ${lines.slice(at).join("\n")}`;
    at = found + 1;
    gap = false;
  }
  return gap || at === lines.length ? undefined : `not shown: ${lines.slice(at).join("\n")}`;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

test("docs/evidence-walkthrough.md shows what its commands print", async (t) => {
  const harness = await Harness.create(t);
  harness.endorsements = vendorsOf(VECTORS);
  let lastCode = 0;
  const run = async (command: string): Promise<string> => {
    const there = command.replaceAll("../shared/vectors", VECTORS);
    if (command === "echo $?") return `${lastCode}\n`;
    if (!there.startsWith("./constellation ")) {
      return execFileSync("sh", ["-c", there], { cwd: harness.folder, encoding: "utf8" });
    }
    const { code, out, err } = await harness.run(...there.split(" ").slice(1));
    lastCode = code;
    return `${err}${out}`;
  };
  const steps = stepsOf(await readFile(PAGE, "utf8"));
  const judged = steps.filter(({ command }) => command.startsWith("./constellation evidence verify "));
  assert.ok(judged.length >= 16, `${judged.length} verdicts`);
  for (const { command, shown } of steps) {
    await t.test(command, async () => {
      assert.equal(difference(shown, await run(command)), undefined);
      if (command.endsWith("_fail")) assert.equal(lastCode, 1);
    });
  }
});

test("the walk-through names only cases that there are", async () => {
  const page = await readFile(PAGE, "utf8");
  const names = Array.from(page.matchAll(/`((?:azure|gcp-tpm|nitro|sev-snp|tdx)\/[\w-]+)`/g), ([, name = ""]) => name);
  assert.ok(names.length > 5);
  for (const name of names) assert.ok(await readFile(join(VECTORS, name, "case.json")), name);
});

test("difference() finds what is shown otherwise, left out without dots, or printed and not shown", () => {
  const printed = "one\ntwo 22\nthree\n";
  for (const shown of [["one", "two ...", "three"], ["one", "  ...", "three"], ["..."], ["one", "two 22", "three"]]) {
    assert.equal(difference(shown, printed), undefined, shown.join("|"));
  }
  for (const shown of [
    [],
    ["one", "three"],
    ["one", "two 2", "three"],
    ["one", "two 22"],
    ["...", "four"],
    ["three", "..."],
  ]) {
    assert.notEqual(difference(shown, printed), undefined, shown.join("|"));
  }
});
