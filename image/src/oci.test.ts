import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeImages } from "./oci.ts";

test("writeImages() writes an OCI layout with shared layers once and correct digests", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "oci-"));
  t.after(() => rm(dir, { recursive: true }));
  for (const [layer, text] of [
    ["base", "b"],
    ["app", "a"],
  ] as const) {
    await mkdir(join(dir, layer));
    await writeFile(join(dir, layer, "file"), text);
  }
  const out = join(dir, "out");
  await writeImages(out, [
    {
      names: ["example/one:v1", "example/alias:v1"],
      layers: [join(dir, "base"), join(dir, "app")],
      entrypoint: ["/file"],
    },
    { names: ["example/two:v1"], layers: [join(dir, "base")], entrypoint: ["/file"] },
  ]);
  const index = JSON.parse(await readFile(join(out, "index.json"), "utf8"));
  const names = index.manifests.map(
    (entry: { annotations: Record<string, string> }) => Object.values(entry.annotations)[0],
  );
  assert.deepEqual(names, ["example/alias:v1", "example/one:v1", "example/two:v1"]);
  assert.equal((await readdir(join(out, "layers"))).length, 2);
  for (const digest of await readdir(join(out, "blobs/sha256"))) {
    const bytes = await readFile(join(out, "blobs/sha256", digest));
    assert.equal(createHash("sha256").update(bytes).digest("hex"), digest);
  }
});
