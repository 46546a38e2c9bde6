import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "./run.ts";

test("run() gives standard output, and an error with the last words of a program that failed", async () => {
  assert.equal(await run("sh", ["-c", "echo out; echo err >&2"]), "out\n");
  await assert.rejects(run("sh", ["-c", "echo reason >&2; exit 3"]), {
    code: "program_failed",
    message: /exit 3, wanted 0\nreason$/,
  });
});

test("run() tells a full disk from other failures", async () => {
  // Linux's file that is always full (full(4)).
  await assert.rejects(run("dd", ["if=/dev/zero", "of=/dev/full", "count=1"], { env: { LC_ALL: "C" } }), {
    code: "no_space",
    message: /: dd: .*'\/dev\/full': No space left on device\n/,
  });
});
