import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { EvidenceFiles } from "@constellation/evidence";
import { type CaseInput, judgeCase, parseCase } from "@constellation/evidence/case";
import { bundleForBrowser } from "./bundle.ts";
import { type Dropped, readDroppedCase, withFiles } from "./page/dropped-cases.ts";
import { filesBelow, vectorCases } from "./testing/vectors.ts";

const folder = mkdtempSync(join(tmpdir(), "evidence-core-"));
after(() => rmSync(folder, { recursive: true }));
const { text } = await bundleForBrowser(join(import.meta.dirname, "testing/core.ts"), { format: "esm" });
writeFileSync(join(folder, "core.mjs"), text);
/** The core as browsers have it: WebCrypto is in Node.js too. */
const browser = (await import(pathToFileURL(join(folder, "core.mjs")).href)) as typeof import("./testing/core.ts");

const roots = filesBelow("trust-roots", "set/trust-roots");
const AWAITED = "The answer of WebCrypto is awaited";

/** How the runs of a judgement ended, in the browser's core. */
async function judgeInBrowser(input: CaseInput): Promise<{ ends: string[]; judgement: unknown }> {
  const ends: string[] = [];
  const judgement = await browser.settle(() => {
    try {
      const judged = browser.judgeCase(input);
      ends.push("verdict");
      return judged;
    } catch (error) {
      ends.push((error as Error).message);
      throw error;
    }
  });
  return { ends, judgement };
}

describe("the core for browsers, with WebCrypto", () => {
  const cases = vectorCases();
  let awaited = 0;
  for (const { id } of cases) {
    test(`judges ${id} as node:crypto does, and no package swallows that an answer is awaited`, async () => {
      const dropped: Dropped = withFiles(new Map(), [...filesBelow(id, `set/${id}`), ...roots]);
      const { input } = readDroppedCase(dropped, `set/${id}`);
      const { ends, judgement } = await judgeInBrowser(input);
      assert.deepEqual(judgement, judgeCase(input));
      assert.equal(ends.pop(), "verdict");
      assert.deepEqual(
        ends.filter((end) => end !== AWAITED),
        [],
      );
      awaited += ends.length;
    });
  }

  test("awaited answers in these cases, so that this is tested", () => {
    assert.equal(cases.length, 240);
    assert.ok(awaited > 1000, `${awaited}`);
  });

  test("throws what is no verdict, as node:crypto's core does", async () => {
    const subject = parseCase(
      new TextEncoder().encode(
        JSON.stringify({
          schema: 1,
          id: "a",
          kind: "nitro",
          verify_time: null,
          files: {},
          roots: [],
          policy: {},
          expect: "pass",
        }),
      ),
    );
    const input: CaseInput = {
      case: subject,
      files: new EvidenceFiles(new Map()),
      roots: [],
      named: () => new Uint8Array(),
    };
    await assert.rejects(judgeInBrowser(input), { name: "EvidenceError", code: "file_missing" });
    assert.throws(() => judgeCase(input), { name: "EvidenceError", code: "file_missing" });
  });
});
