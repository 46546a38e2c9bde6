import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import type { Judgement } from "@constellation/evidence";
import { judgeCase } from "@constellation/evidence/case";
import type { Browser, Page } from "playwright-core";
import { buildPage } from "./bundle.ts";
import { readDroppedCase, withFiles } from "./page/dropped-cases.ts";
import { serve, startChromium } from "./testing/browser.ts";
import { filesBelow, vectorCases, VECTORS } from "./testing/vectors.ts";

const TIMEOUT_MS = 120_000;
const ROOT = "trust-roots/aws/nitro_enclaves_root_g1.pem";
const folder = mkdtempSync(join(tmpdir(), "evidence-page-"));
const file = join(folder, "index.html");
const cases = vectorCases();

let browser: Browser;
let server: Server;
let url: string;
let page: Page;
let requests: string[];
let complaints: string[];

before(async () => {
  const text = await buildPage();
  writeFileSync(file, text);
  ({ server, url } = await serve(text));
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  server?.close();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  await page?.close();
  page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  [requests, complaints] = [[], []];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
});

/** Gives files or a folder to the page as its pickers do, and waits until all is judged. */
async function choose(input: "folder" | "file", paths: string | string[]): Promise<string> {
  await page.setInputFiles(`#${input}-input`, paths);
  return await settled();
}

async function settled(): Promise<string> {
  const done = /^(?:Judged \d|\d+ files, and nothing|Nothing was judged)/;
  const status = page.locator("#status");
  await status.filter({ hasText: done }).waitFor();
  return (await status.textContent()) as string;
}

/** Drops a file or folder as people do, with what Chromium knows of such a drop. */
async function drop(path: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, x: 200, y: 200, data });
  }
}

interface ShownVerdict {
  readonly subject: string;
  readonly verdict: string;
  readonly text: string;
  readonly rows: readonly (readonly string[])[];
  readonly claims: string;
}

/** The verdicts on the page, as they can be read there. */
async function verdicts(): Promise<ShownVerdict[]> {
  return await page.locator("article").evaluateAll((articles) =>
    articles.map((article) => ({
      subject: article.getAttribute("data-subject") ?? "",
      verdict: article.getAttribute("data-verdict") ?? "",
      text: article.querySelector(".verdict")?.textContent ?? "",
      rows: Array.from(article.querySelectorAll("tbody tr"), (row) =>
        Array.from(row.querySelectorAll("th, td"), (cell) => cell.textContent ?? ""),
      ),
      claims: article.querySelector("pre")?.textContent ?? "",
    })),
  );
}

const OUTCOMES = { pass: "ok", fail: "FAILED", "accepted-by-choice": "any" } as const;

/** What is to be read of a judgement. */
function rowsOf({ checks }: Judgement): string[][] {
  return checks.map((check) => {
    const why = [
      ...(check.outcome === "fail" ? [check.code] : []),
      ...(check.outcome === "pass" ? [] : [check.reason ?? []].flat()),
    ];
    return [OUTCOMES[check.outcome], check.name, check.got ?? "", check.wanted ?? "", why.join(": ")];
  });
}

/** A copy of some cases with all roots, as somebody would drop it. */
function setOf(name: string, ...ids: string[]): string {
  const top = join(folder, name);
  for (const id of [...ids, "trust-roots"]) cpSync(join(VECTORS, id), join(top, id), { recursive: true });
  return top;
}

describe("the page in Chromium", () => {
  const kinds = [...new Set(cases.map(({ kind }) => kind))];
  const trustRoots = filesBelow("trust-roots", "set/trust-roots");

  for (const kind of kinds) {
    test(`judges the cases of kind ${kind} as Node.js does, check by check`, async (t) => {
      const ids = cases.filter((one) => one.kind === kind).map(({ id }) => id);
      await page.goto(pathToFileURL(file).href);
      const status = await choose("folder", setOf(kind, ...ids));
      assert.match(status, new RegExp(`^Judged ${ids.length} cases and 0 single`));
      const shown = new Map((await verdicts()).map((one) => [one.subject, one]));
      const accepted = ids.filter((id) => {
        const dropped = withFiles(new Map(), [...filesBelow(id, `set/${id}`), ...trustRoots]);
        const judgement = judgeCase(readDroppedCase(dropped, `set/${id}`).input);
        const { rows, verdict, claims } = shown.get(id) as ShownVerdict;
        assert.deepEqual(rows, rowsOf(judgement), id);
        assert.equal(verdict, judgement.accepted ? "accepted" : "refused", id);
        assert.deepEqual(JSON.parse(claims), judgement.claims, id);
        return verdict === "accepted";
      });
      t.diagnostic(`${ids.length} cases: ${accepted.length} accepted, ${ids.length - accepted.length} refused`);
      assert.ok(accepted.length > 0);
      assert.deepEqual(complaints, []);
    });
  }

  test("asks no server for anything but itself, and its policy stops whoever would", async () => {
    await page.goto(url);
    await choose("folder", setOf("served", "nitro/enclave-1"));
    assert.deepEqual(
      (await verdicts()).map(({ verdict }) => verdict),
      ["accepted"],
    );
    assert.deepEqual(requests, [url]);
    assert.deepEqual(complaints, []);
    const stopped = await page.evaluate(
      (target) =>
        Promise.all([
          fetch(target).then(
            () => "sent",
            () => "stopped",
          ),
          new Promise((resolve) => {
            const image = new Image();
            image.addEventListener("load", () => resolve("sent"));
            image.addEventListener("error", () => resolve("stopped"));
            image.src = target;
          }),
        ]),
      `${url}x`,
    );
    assert.deepEqual(stopped, ["stopped", "stopped"]);
    for (const complaint of complaints) assert.match(complaint, /Content Security Policy/);
  });

  for (const from of ["a disk", "a server, in a browser that has no handles"]) {
    test(`takes a folder that is dropped on it, with a root that is dropped later, from ${from}`, async () => {
      if (from === "a disk") await page.goto(pathToFileURL(file).href);
      else {
        await page.addInitScript("delete DataTransferItem.prototype.getAsFileSystemHandle");
        await page.goto(url);
      }
      await drop(join(VECTORS, "nitro/enclave-1"));
      await settled();
      const [missing] = await verdicts();
      assert.equal(missing?.verdict, "not-judged");
      assert.match(missing.text, /got no file "trust-roots\/aws\/nitro_enclaves_root_g1.pem"/);
      await drop(join(VECTORS, ROOT));
      await page.locator('article[data-verdict="accepted"]').waitFor();
      assert.deepEqual(complaints, []);
    });
  }

  test("judges single files by what they are, once somebody trusts their root", async () => {
    const report = cases.find(({ kind, id }) => kind === "sev-snp" && !id.endsWith("_fail"));
    await page.clock.setFixedTime(report?.verify_time as string);
    await page.goto(pathToFileURL(file).href);
    const evidence = filesBelow(report?.id as string, join(VECTORS, report?.id as string));
    const paths = evidence.map(({ path }) => path).filter((path) => !path.endsWith("case.json"));
    const roots = filesBelow("trust-roots", join(VECTORS, "trust-roots")).filter(({ path }) => /ark/i.test(path));
    await choose("file", [...paths, ...roots.map(({ path }) => path)]);
    const [before] = await verdicts();
    assert.equal(before?.verdict, "refused");
    const boxes = await page.getByRole("checkbox").evaluateAll((all) => all.map((box) => box.dataset["control"] ?? ""));
    assert.ok(boxes.length > 0);
    for (const box of boxes) {
      await page.locator(`[data-control="${box}"]`).focus();
      await page.keyboard.press("Space");
      await settled();
      assert.equal(await page.evaluate(() => (document.activeElement as HTMLElement).dataset["control"]), box);
    }
    const [after] = await verdicts();
    assert.match(after?.text ?? "", /^Genuine, by the roots you trust: \d+ checks/);
    assert.equal(after?.verdict, "accepted");
    await page.getByLabel("Verify at this time in UTC").fill("2015-01-01T00:00:00");
    await page.keyboard.press("Enter");
    await page.getByText("2015-01-01T00:00:00.000Z").first().waitFor();
    const [early] = await verdicts();
    assert.match(early?.text ?? "", /^Refused \(\w+_not_yet_valid\)/);
  });

  test("shows what a file says once it is opened, and says of others that they are not known", async () => {
    await page.goto(pathToFileURL(file).href);
    await choose("file", [join(VECTORS, ROOT), join(VECTORS, "README.md")]);
    assert.match(await settled(), /^2 files, and nothing to judge/);
    const opened = async (name: string): Promise<string> => {
      const view = page.locator(`details[data-file="${name}"]`);
      await view.locator("summary").click();
      await view.locator("p").first().waitFor();
      return (await view.textContent()) as string;
    };
    assert.match(
      await opened("nitro_enclaves_root_g1.pem"),
      /PEM; nothing in it is verified here.*CN=aws.nitro-enclaves/s,
    );
    assert.match(await opened("README.md"), /of no known format/);
  });

  test("can be used from the keyboard, names its controls, and forgets", async () => {
    await page.goto(pathToFileURL(file).href);
    const focused: string[] = [];
    for (let step = 0; step < 3; step++) {
      await page.keyboard.press("Tab");
      focused.push(await page.evaluate(() => document.activeElement?.id ?? ""));
    }
    assert.deepEqual(focused, ["folder-input", "file-input", "clear"]);
    await page.getByLabel("Single files").setInputFiles(join(VECTORS, ROOT));
    await settled();
    assert.equal(await page.locator("details").count(), 1);
    await page.locator("#clear").focus();
    await page.keyboard.press("Enter");
    assert.equal(await page.locator("details").count(), 0);
    assert.equal(await page.getByRole("status").textContent(), "All files are forgotten");
  });

  test("is readable in dark and in light: text has a contrast of 4.5 and more", async () => {
    await page.goto(pathToFileURL(file).href);
    await choose("folder", setOf("contrast", "nitro/enclave-1", "nitro/enclave-1-pcr0-mismatch_fail"));
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const [selector, ratio] of await contrasts())
        assert.ok(ratio >= 4.5, `${colorScheme} ${selector}: ${ratio}`);
    }
  });

  test("reads nothing where too much was chosen", async () => {
    await page.goto(pathToFileURL(file).href);
    const large = join(folder, "large.bin");
    writeFileSync(large, new Uint8Array(16 * 1024 * 1024 + 1));
    assert.match(await choose("file", large), /^Nothing was judged. Read large.bin failed: got 16777217 bytes/);
  });
});

/** Contrast of texts with what is behind them (WCAG 2.2, 1.4.3), by selector. */
async function contrasts(): Promise<[string, number][]> {
  const selectors = [
    "p",
    ".note",
    ".verdict.accepted",
    ".verdict.refused",
    "tr.pass td",
    "tr.fail td",
    "caption",
    "pre",
  ];
  return await page.evaluate((wanted) => {
    const luminance = (color: string): number => {
      const [red, green, blue] = (color.match(/[\d.]+/g) ?? []).map((part) => {
        const value = Number(part) / 255;
        return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
      }) as [number, number, number];
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = (element: Element | null): string => {
      if (element === null) return "rgb(255, 255, 255)";
      const { backgroundColor } = getComputedStyle(element);
      return backgroundColor === "rgba(0, 0, 0, 0)" ? behind(element.parentElement) : backgroundColor;
    };
    return wanted.map((selector): [string, number] => {
      const element = document.querySelector(selector);
      if (element === null) return [selector, 0];
      const [text, back] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
      return [selector, (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05)];
    });
  }, selectors);
}
