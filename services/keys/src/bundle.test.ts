import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { bundleService, startBundle } from "@constellation/testkit/bundle";
import { TestCa } from "@constellation/testkit/test-ca";

const MAX_RSS_BYTES = 90_000_000;

test("the key service runs as one bundled file, small, and ends cleanly", async (context) => {
  const directory = await mkdtemp(join(tmpdir(), "key-bundle-"));
  context.after(() => rm(directory, { recursive: true }));
  const ca = await TestCa.create("constellation-services");
  const { certificatePem, keyPem } = await ca.issue({ commonName: "key-service" });
  const files = { "ca.crt": ca.certificatePem, "key-service.crt": certificatePem, "key-service.key": keyPem };
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  const bundle = join(directory, "key-service.mjs");
  await bundleService(fileURLToPath(new URL("main.ts", import.meta.url)), bundle);
  const flags = { pki: directory, secret: directory, "pod-host": "127.0.0.1", "pod-port": "0" };
  const { program, rssBytes } = await startBundle("key-service", bundle, directory, flags);
  context.diagnostic(`resident memory at start: ${Math.round(rssBytes / 1e6)} MB`);
  assert.equal(await program.stop(), 0, await program.output());
  assert.ok(rssBytes < MAX_RSS_BYTES, `got ${rssBytes} bytes`);
});
