import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { LocalError } from "../errors.ts";
import { programError, writing } from "./no-space.ts";
import { poll } from "./poll.ts";
import { runTool } from "./run-tool.ts";

// /dev/full is Linux's file that is always full (full(4)).

test("writing() names the path where there is no space, and passes other errors on", async () => {
  await assert.rejects(
    writing("/disk", () => writeFile("/dev/full", "x")),
    { code: "no-space", message: 'Write "/disk" failed: no space is left on its file system', hint: /free space/ },
  );
  await assert.rejects(
    writing("/disk", () => writeFile("/nowhere/file", "x")),
    { code: "ENOENT" },
  );
});

test("programError() tells a full disk from other last words", () => {
  const full = programError("process-died", "Start qemu failed: write /x: No space left on device", { hint: "other" });
  assert.deepEqual([full.code, full.hint?.startsWith("free space")], ["no-space", true]);
  const other = programError("process-died", "Start qemu failed: no such device", { hint: "other" });
  assert.deepEqual([other.code, other.hint], ["process-died", "other"]);
});

test("runTool() says so when a tool finds a disk full", async () => {
  await assert.rejects(runTool("dd", ["if=/dev/zero", "of=/dev/full", "count=1"]), { code: "no-space" });
  await assert.rejects(runTool("dd", ["if=/nowhere/file", "of=/dev/null"]), { code: "control-failed" });
});

test("poll() does not go on where a disk is full", async () => {
  let attempts = 0;
  const attempt = () => {
    attempts++;
    return Promise.reject(new LocalError("no-space", "full"));
  };
  const waiting = poll(attempt, { timeoutMs: 60_000, onTimeout: () => new Error("too late") });
  await assert.rejects(waiting, { code: "no-space" });
  assert.equal(attempts, 1);
});
