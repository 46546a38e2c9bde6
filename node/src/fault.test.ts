import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { build } from "esbuild";
import { faultPoint } from "./fault.ts";

async function bundle(debugImage: boolean): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "main.ts")],
    bundle: true,
    write: false,
    platform: "node",
    target: "node24",
    format: "esm",
    minifySyntax: true,
    define: { __DEBUG_IMAGE__: String(debugImage) },
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}

describe("faultPoint()", () => {
  test("does nothing outside of the debug image", () => faultPoint("init.after-lock"));

  test("leaves no trace in the release bundle", async () => {
    const text = await bundle(false);
    assert.ok(text.length > 100_000);
    assert.ok(!text.includes("/run/constellation/fault"));
    assert.ok(!text.includes('SIGKILL")') || !/process\.kill\(/.test(text));
  });

  test("is in the debug image's bundle", async () => {
    assert.ok((await bundle(true)).includes("/run/constellation/fault"));
  });
});
