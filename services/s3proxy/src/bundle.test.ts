import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { bundleService, startBundle } from "@constellation/testkit/bundle";
import { TestCa } from "@constellation/testkit/test-ca";
import { parseStoreEndpoint } from "./service.ts";

const MAX_RSS_BYTES = 90_000_000;

test("the S3 proxy runs as one bundled file, small, and ends cleanly", async (context) => {
  const directory = await mkdtemp(join(tmpdir(), "s3proxy-bundle-"));
  context.after(() => rm(directory, { recursive: true }));
  const { certificatePem, keyPem } = await (await TestCa.create("clients")).issue({ commonName: "s3proxy" });
  const entry = { accessKeyId: "client", secretAccessKey: "client-secret" };
  const files = {
    "tls.crt": certificatePem,
    "tls.key": keyPem,
    "clients.json": JSON.stringify({ clients: [entry] }),
    "store.json": JSON.stringify(entry),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  const bundle = join(directory, "s3proxy.mjs");
  await bundleService(fileURLToPath(new URL("main.ts", import.meta.url)), bundle);
  const { program, rssBytes } = await startBundle("s3proxy", bundle, directory, {
    tls: directory,
    clients: join(directory, "clients.json"),
    "store-endpoint": "https://127.0.0.1:9",
    "store-credentials": join(directory, "store.json"),
  });
  context.diagnostic(`resident memory at start: ${Math.round(rssBytes / 1e6)} MB`);
  assert.equal(await program.stop(), 0, await program.output());
  assert.ok(rssBytes < MAX_RSS_BYTES, `got ${rssBytes} bytes`);
});

test("parseStoreEndpoint() takes an origin and nothing more", () => {
  assert.equal(parseStoreEndpoint("https://store:9000").host, "store:9000");
  for (const text of [
    "",
    "store:9000",
    "ftp://store",
    "https://store/bucket",
    "https://user@store",
    "https://store?x",
  ]) {
    assert.throws(() => parseStoreEndpoint(text), { name: "FlagError" }, text);
  }
});
