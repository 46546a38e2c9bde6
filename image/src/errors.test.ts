import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { BuildError, programError, writing } from "./errors.ts";

test("programError() finds a full disk anywhere in a program's output, and shows that line first", () => {
  const full = "write /cache/go-build/b1: no space left on device";
  const output = [full, ...Array.from({ length: 40 }, (_, line) => `traceback ${line}`)].join("\n");
  const error = programError("Run 'go build' failed: exit 1, wanted 0", output);
  assert.equal(error.code, "no_space");
  assert.match(error.message, /^Run 'go build' failed: exit 1, wanted 0: write \/cache\/go-build\/b1: no space left/);
  assert.match(error.message, /traceback 39$/);
  assert.match(error.hint ?? "", /^free space there/);
});

test("programError() of other output says that the program failed, with its last lines", () => {
  const error = programError("Run 'x' failed", "syntax error\n");
  assert.deepEqual(
    [error.code, error.message, error.hint],
    ["program_failed", "Run 'x' failed\nsyntax error", undefined],
  );
});

test("writing() names the place where the system found no space, and nothing else", async () => {
  // Linux's file that is always full (full(4)).
  await assert.rejects(
    writing("/build/image", () => writeFile("/dev/full", "x")),
    { code: "no_space", message: /^Write '\/build\/image' failed: ENOSPC/, hint: /free space there/ },
  );
  const other = new BuildError("no_mirror", "no space left on device");
  await assert.rejects(
    writing("/build", () => Promise.reject(other)),
    (error) => error === other,
  );
  await assert.rejects(
    writing("/build", () => writeFile("/nowhere/file", "x")),
    { code: "ENOENT" },
  );
});
