import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { imageOfPrograms } from "./container-image.ts";
import { probeProgram } from "./programs.ts";
import { Registry } from "./registry.ts";

test("imageOfPrograms() gives equal bytes for equal programs", async () => {
  const probe = await probeProgram();
  const [first, second] = [await imageOfPrograms([probe]), await imageOfPrograms([probe])];
  assert.equal(first.manifest.digest, second.manifest.digest);
  assert.match(Buffer.from(first.manifest.bytes).toString(), /"mediaType":"application\/vnd\.oci\.image\.layer/);
});

test("Registry takes an image and gives its manifest back", async (t) => {
  const registry = await Registry.start();
  t.after(() => registry.stop());
  const image = await imageOfPrograms([await probeProgram()]);
  await registry.push("e2e/workload", "1", image);
  const manifest = await registry.manifest("e2e/workload", "1");
  assert.equal(`sha256:${createHash("sha256").update(manifest).digest("hex")}`, image.manifest.digest);
  await assert.rejects(registry.manifest("e2e/other", "1"), { code: "registry" });
});
