import assert from "node:assert/strict";
import { symlink, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { reportError } from "../errors.ts";
import { Harness } from "../testing/harness.ts";
import { writing } from "./atomic-file.ts";

// /dev/full is Linux's file that is always full (full(4)).

test("writing() names the path where there is no space, and passes other errors on", async () => {
  await assert.rejects(
    writing("w/state", () => writeFile("/dev/full", "x")),
    { code: "no-space", message: "Write w/state failed: no space is left on its file system", hint: /free space/ },
  );
  await assert.rejects(
    writing("w/state", () => writeFile("/nowhere/file", "x")),
    { code: "ENOENT" },
  );
});

test("reportError() gives an error of a full disk its code and remedy, wherever it comes from", async () => {
  const error = await writeFile("/dev/full", "x").catch((cause: unknown) => cause);
  const { code, hint } = reportError(error);
  assert.equal(code, "no-space");
  assert.match(hint ?? "", /free space/);
});

test("apply that can't write the node's log says which file and why", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("config", "generate", "qemu");
  await symlink("/dev/full", harness.path("constellation-cluster.log"));
  harness.nodes.afterInit = (call) => call.onEvent({ kind: "log", data: new TextEncoder().encode("kubeadm\n") });
  const { code, out } = await harness.run("apply", "-y", "-o", "json");
  assert.equal(code, 1);
  const { error } = JSON.parse(out) as { error: { code: string; message: string } };
  assert.equal(error.code, "no-space");
  assert.match(error.message, /Write .*\/constellation-cluster\.log failed: no space is left/);
});
