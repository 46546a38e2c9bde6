import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { callerOf, KeyService, serveMtls, serviceUri } from "@constellation/rpc";
import { TestCa } from "@constellation/testkit/test-ca";
import { ObjectKek } from "./format/keys.ts";
import { cachedKeks, keyServiceKek } from "./kek.ts";

const signal = AbortSignal.timeout(60_000);

test("keyServiceKek() asks as s3proxy for the KEK of a version", async (context) => {
  const asked: unknown[] = [];
  const { endpoint, folder } = await serveKeys(context, "key-service", (request) => {
    asked.push(request);
    return new Uint8Array(32).fill(7);
  });
  const kek = await keyServiceKek(endpoint, folder)(3, signal);
  assert.deepEqual(kek.reveal(), new Uint8Array(32).fill(7));
  assert.deepEqual(asked, [{ caller: "s3proxy", keyId: "object-kek/v3", lengthBytes: 32 }]);
});

test("keyServiceKek() refuses a key of another length, and a server of another name", async (context) => {
  const short = await serveKeys(context, "key-service", () => new Uint8Array(16));
  await assert.rejects(keyServiceKek(short.endpoint, short.folder)(1, signal), /got 16 bytes, wanted 32/);
  const other = await serveKeys(context, "join-service", () => new Uint8Array(32));
  await assert.rejects(keyServiceKek(other.endpoint, other.folder)(1, signal));
});

test("cachedKeks() fetches each version once, again after a failure, and never one that was not current", async () => {
  const fetched: number[] = [];
  let broken = true;
  const keks = cachedKeks(3, async (version) => {
    fetched.push(version);
    if (broken) throw new Error("no answer");
    return new ObjectKek(new Uint8Array(32).fill(version));
  });
  await assert.rejects(keks.get(3, signal), /no answer/);
  broken = false;
  const [one, two] = await Promise.all([keks.get(3, signal), keks.get(3, signal)]);
  assert.equal(one, two);
  assert.equal((await keks.get(1, signal)).reveal()[0], 1);
  for (const version of [0, 4, 65_535])
    await assert.rejects(keks.get(version, signal), { code: "kek_version_unknown" });
  assert.deepEqual(fetched, [3, 3, 1]);
});

async function serveKeys(
  context: TestContext,
  name: string,
  answer: (request: { caller: string; keyId: string; lengthBytes: number }) => Uint8Array,
) {
  const folder = await mkdtemp(join(tmpdir(), "s3proxy-kek-"));
  const ca = await TestCa.create("constellation-services");
  const server = await ca.issue({ commonName: name, uris: [serviceUri(name)] });
  const client = await ca.issue({ commonName: "s3proxy", uris: [serviceUri("s3proxy")] });
  const files = { "ca.crt": ca.certificatePem, "s3proxy.crt": client.certificatePem, "s3proxy.key": client.keyPem };
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  const running = await serveMtls({
    ca: ca.certificatePem,
    certificate: server.certificatePem,
    key: server.keyPem,
    host: "127.0.0.1",
    port: 0,
    routes: (router) =>
      router.service(KeyService, {
        getDataKey: ({ keyId, lengthBytes }, call) => ({
          dataKey: answer({ caller: callerOf(call), keyId, lengthBytes }),
        }),
      }),
  });
  context.after(async () => {
    await running.close();
    await rm(folder, { recursive: true });
  });
  return { endpoint: { host: "127.0.0.1", port: running.address.port }, folder };
}
