import assert from "node:assert/strict";
import { test } from "node:test";
import { step } from "./progress.ts";

test("step() says what begins and ends on stderr, and gives the result", async (t) => {
  const lines: string[] = [];
  t.mock.method(console, "error", (line: string) => lines.push(line));
  assert.equal(await step("a thing", () => Promise.resolve(7)), 7);
  assert.equal(lines[0], "build: a thing");
  assert.match(lines[1] ?? "", /^build: a thing \.\.\. \d+\.\ds$/);
  assert.equal(lines.length, 2);
});

test("step() does not say that a thing was made which failed", async (t) => {
  const lines: string[] = [];
  t.mock.method(console, "error", (line: string) => lines.push(line));
  await assert.rejects(
    step("a thing", () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.deepEqual(lines, ["build: a thing"]);
});
