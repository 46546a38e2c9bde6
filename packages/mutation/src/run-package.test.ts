import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { planPackage } from "./plan.ts";
import { runPackage } from "./run-package.ts";
import { type Result, ResultStore } from "./store.ts";

const SOURCE = `
export const LEAST = 7;
const seen = new Set<number>();
/** Remembers what it accepted. */
export function verifyLeast(value: number): boolean {
  if (seen.has(value)) return true;
  if (value < LEAST) return false;
  seen.add(value);
  return true;
}
export function verifyNever(): boolean { return true; }
`;

const TEST = `
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { verifyLeast } from "./verify-least.ts";
describe("verifyLeast()", () => {
  test("refuses less", () => assert.equal(verifyLeast(6), false));
  test("is not run", { skip: "never" }, () => assert.fail());
});
`;

const MORE = `
import assert from "node:assert/strict";
import { test } from "node:test";
import { LEAST, verifyLeast } from "./verify-least.ts";
test("verifyLeast() accepts the least", () => assert.equal(verifyLeast(LEAST), true));
for (const name of ["changes something", "finds it put back"]) {
  test(name, ({ mock }) => {
    assert.notEqual(Date.now(), 1);
    mock.method(Date, "now", () => 1);
    assert.equal(Date.now(), 1);
  });
}
`;

let top: string;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(top, path)), { recursive: true });
  writeFileSync(join(top, path), text);
}

/** Outcomes by mutation, and how many mutants were run for it. */
async function run(leastTimeoutMs = 10_000): Promise<{ outcomes: Record<string, string>; ran: number }> {
  const plan = planPackage("a", top);
  const ran: Result[] = [];
  const results = await runPackage(plan, new ResultStore(plan), (result) => ran.push(result), {
    jobs: 2,
    leastTimeoutMs,
  });
  const outcomes = results.map((one) => [`${one.function}: ${one.mutation}`, one.outcome]);
  return { outcomes: Object.fromEntries(outcomes) as Record<string, string>, ran: ran.length };
}

describe("runPackage()", () => {
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), "constellation-mutation-"));
    write("packages/a/package.json", '{ "type": "module" }');
    write("packages/a/src/verify-least.ts", SOURCE);
    write("packages/a/src/verify-least.test.ts", TEST);
  });
  afterEach(() => rmSync(top, { recursive: true }));

  test("tells what tests notice, whatever a mutant leaves behind, and what no test runs", async () => {
    const { outcomes } = await run();
    assert.equal(outcomes["verifyLeast: `value < LEAST` becomes `false`"], "killed");
    assert.equal(outcomes["verifyLeast: `seen.add(value);` left out"], "unreached");
    assert.equal(outcomes["verifyLeast: `value < LEAST` becomes `value <= LEAST`"], "survived");
    assert.equal(outcomes["module: `7` becomes `6`"], "killed");
    assert.equal(outcomes["module: `7` becomes `8`"], "survived");
    assert.equal(outcomes["verifyNever: `true` becomes `false`"], "unreached");
  });

  test("runs again only what changes may decide otherwise", async () => {
    const first = await run();
    assert.equal((await run()).ran, 0);
    write("packages/a/src/more.test.ts", MORE);
    const second = await run();
    const living = Object.values(first.outcomes).filter((outcome) => outcome !== "killed");
    assert.equal(second.ran, living.length);
    assert.equal(second.outcomes["verifyLeast: `value < LEAST` becomes `value <= LEAST`"], "killed");
    write("packages/a/src/verify-least.ts", `${SOURCE}\n`);
    assert.equal((await run()).ran, Object.keys(first.outcomes).length);
  });

  test("counts what does not end as found", async () => {
    write(
      "packages/a/src/verify-least.ts",
      "export function verifyLeast(x: number) { while (x > 9) x = 9; return x > 8; }",
    );
    const { outcomes } = await run(1000);
    assert.equal(outcomes["verifyLeast: `x > 9` becomes `true`"], "timeout");
  });

  test("wants tests that pass as they are", async () => {
    write("packages/a/src/more.test.ts", MORE.replace("true", "false"));
    await assert.rejects(
      run(),
      /^Error: Run tests without a mutant failed: got ".*" from "packages\/a\/src\/more\.test\.ts: /s,
    );
  });
});
