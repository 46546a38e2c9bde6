import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hashTree } from "./cache.ts";
import { goesIn } from "./sources.ts";

test("goesIn() leaves out tests, their helpers and texts", () => {
  const names = ["src/a.ts", "src/a.test.ts", "README.md", "testing/fake.ts", "src/testing/fake.ts", "src/testing.ts"];
  assert.deepEqual(names.filter(goesIn), ["src/a.ts", "src/testing.ts"]);
});

test("hashTree() counts files by their path below the folder, wherever that is", async (t) => {
  const top = await mkdtemp(join(tmpdir(), "constellation-sources-"));
  t.after(() => rm(top, { recursive: true }));
  const folder = join(top, "testing", "checkout");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "a.ts"), "1");
  const before = await hashTree(folder, goesIn);
  await writeFile(join(folder, "a.ts"), "2");
  assert.notEqual(await hashTree(folder, goesIn), before);
});
