import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../clock.ts";
import { formatDuration } from "./duration.ts";
import type { Io } from "./io.ts";
import { createProgress } from "./progress.ts";
import { formatTable } from "./table.ts";

function progressOf(spinner: boolean) {
  let nowMs = 0;
  const seen = { text: "" };
  const io = { err: (text: string) => void (seen.text += text) } as Io;
  const clock = { monotonicMs: () => nowMs } as Clock;
  return { progress: createProgress({ io, clock, spinner }), seen, pass: (ms: number) => void (nowMs += ms) };
}

test("createProgress() without spinner prints one line for each step, when it ends", async () => {
  const { progress, seen, pass } = progressOf(false);
  await progress.step("Boot", async (step) => {
    step.note("not seen");
    pass(12_340);
    progress.begin("Attest");
    assert.equal(seen.text, "Boot ... 12.3s\n");
    pass(500);
  });
  assert.equal(seen.text, "Boot ... 12.3s\nAttest ... 0.5s\n");
});

test("createProgress() says at which step it failed", async () => {
  const { progress, seen, pass } = progressOf(false);
  const work = progress.step("Boot", async () => {
    progress.begin("Attest");
    pass(61_000);
    throw new Error("refused");
  });
  await assert.rejects(work, /refused/);
  assert.equal(seen.text, "Boot ... 0.0s\nAttest ... failed after 1m01s\n");
});

test("createProgress() with spinner hides the cursor and gives it back", async () => {
  const { progress, seen } = progressOf(true);
  await progress.step("Boot", async () => progress.line("beside"));
  assert.match(seen.text, /⣷ Boot 0\.0s/);
  assert.equal(seen.text.split("\u001b[?25l").length, seen.text.split("\u001b[?25h").length);
  assert.match(seen.text, /beside\n/);
  assert.ok(seen.text.endsWith("Boot ... 0.0s\n"));
});

test("formatDuration() writes seconds, minutes and hours", () => {
  assert.deepEqual([0, 440, 12_340, 59_949, 59_960, 125_000, 3_720_000].map(formatDuration), [
    "0.0s",
    "0.4s",
    "12.3s",
    "59.9s",
    "1m00s",
    "2m05s",
    "1h02m",
  ]);
});

test("formatTable() aligns columns and leaves no spaces at line ends", () => {
  assert.equal(
    formatTable(
      [
        ["a", "bb", ""],
        ["ccc", "d"],
      ],
      "  ",
    ),
    "  a    bb\n  ccc  d",
  );
});
