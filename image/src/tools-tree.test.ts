import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ensureToolsTree } from "./tools-tree.ts";

test("ensureToolsTree() never replaces a folder that it has not made", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "constellation-tree-"));
  const before = process.env["CONSTELLATION_TOOLS_TREE"];
  t.after(async () => {
    if (before === undefined) delete process.env["CONSTELLATION_TOOLS_TREE"];
    else process.env["CONSTELLATION_TOOLS_TREE"] = before;
    await rm(folder, { recursive: true });
  });
  process.env["CONSTELLATION_TOOLS_TREE"] = folder;
  await writeFile(join(folder, "precious"), "");
  await assert.rejects(ensureToolsTree(), { code: "input_missing" });
  assert.ok(existsSync(join(folder, "precious")));
});
