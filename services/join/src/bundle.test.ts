import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { bundleService, startBundle } from "@constellation/testkit/bundle";

const MAX_RSS_BYTES = 100_000_000;

test("the join service runs as one bundled file, small, and ends cleanly", async (context) => {
  const directory = await mkdtemp(join(tmpdir(), "join-bundle-"));
  context.after(() => rm(directory, { recursive: true }));
  const bundle = join(directory, "join-service.mjs");
  await bundleService(fileURLToPath(new URL("main.ts", import.meta.url)), bundle);
  const { program, rssBytes } = await startBundle("join-service", bundle, directory, {});
  context.diagnostic(`resident memory at start: ${Math.round(rssBytes / 1e6)} MB`);
  assert.equal(await program.stop(), 0, await program.output());
  assert.ok(rssBytes < MAX_RSS_BYTES, `got ${rssBytes} bytes`);
});
