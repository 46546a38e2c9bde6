import assert from "node:assert/strict";
import { test } from "node:test";
import { open, send, type StreamOptions } from "./testing/client.ts";
import { endless, requireEndless } from "./testing/large.ts";
import { startMinio } from "./testing/minio.ts";
import { startSeparateProxy } from "./testing/separate-proxy.ts";
import { completion } from "./testing/setting.ts";

const MEBIBYTE = 1_048_576;
const PART_BYTES = 32 * MEBIBYTE;
const PARALLEL = 4;
const RANGES = 50;
const MAX_RSS_BYTES = 128_000_000;
/** `S3PROXY_LARGE_MIB=5120` tries what the documentation says; the default is what each run has time for. */
const SIZE_BYTES = Number(process.env["S3PROXY_LARGE_MIB"] ?? 160) * MEBIBYTE + 12_345;

test("a large object goes up in parts and comes back, whole and in ranges, in little memory", async (context) => {
  const minio = await startMinio({ tls: true });
  context.after(() => minio.close());
  const proxy = await startSeparateProxy(minio);
  context.after(() => proxy.close());
  const call = (path: string, options: StreamOptions) => send(proxy.endpoint, path, { agent: proxy.agent, ...options });
  await call("/bucket", { method: "PUT" });
  const created = await call("/bucket/large", { method: "POST", query: { uploads: "" } });
  const uploadId = /<UploadId>(.*?)</.exec(created.body.toString())?.[1] ?? "";
  const etags: string[] = [];
  const numbers = Array.from({ length: Math.ceil(SIZE_BYTES / PART_BYTES) }, (_, index) => index).reverse();
  const worker = async (): Promise<void> => {
    for (let index = numbers.pop(); index !== undefined; index = numbers.pop()) {
      const [start, end] = [index * PART_BYTES, Math.min((index + 1) * PART_BYTES, SIZE_BYTES)];
      const answer = await call("/bucket/large", {
        method: "PUT",
        query: { partNumber: `${index + 1}`, uploadId },
        payload: "UNSIGNED-PAYLOAD",
        headers: { "content-length": `${end - start}` },
        source: asyncIterable(endless(start, end)),
      });
      assert.equal(answer.status, 200, answer.body.toString());
      etags[index] = answer.headers.etag ?? "";
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  const done = await call("/bucket/large", { method: "POST", query: { uploadId }, body: completion(etags) });
  assert.equal(done.status, 200, done.body.toString());
  const uploadPeak = await proxy.peakRssBytes();

  const whole = await open(proxy.endpoint, "/bucket/large", { agent: proxy.agent });
  assert.equal(whole.headers["content-length"], `${SIZE_BYTES}`);
  await requireEndless(whole, 0, SIZE_BYTES);
  for (let range = 0; range < RANGES; range += 1) {
    const start = Math.floor(scattered(range) * SIZE_BYTES);
    const end = Math.min(start + Math.floor(scattered(range + 1_000) * 2 * MEBIBYTE), SIZE_BYTES - 1);
    const headers = { range: `bytes=${start}-${end}` };
    const part = await open(proxy.endpoint, "/bucket/large", { agent: proxy.agent, headers });
    assert.equal(part.statusCode, 206);
    await requireEndless(part, start, end - start + 1);
  }
  assert.deepEqual(await refusals(proxy.output()), []);
  const peak = await proxy.peakRssBytes();
  const shown = [SIZE_BYTES, uploadPeak, peak].map((bytes) => Math.round(bytes / 1e6));
  context.diagnostic(
    `object ${shown[0]} MB; peak resident memory after upload ${shown[1]} MB, at the end ${shown[2]} MB`,
  );
  assert.ok(peak < MAX_RSS_BYTES, `got ${peak} bytes`);
});

/** Log lines about requests that were not answered as they should: none, if all went well. */
async function refusals(output: Promise<string>): Promise<string[]> {
  return (await output)
    .split("\n")
    .filter((line) => line.includes('"event":"request"') && !line.includes('"outcome":"answered"'));
}

/** Numbers between 0 and 1 that look like random ones and are the same in each run. */
function scattered(index: number): number {
  return (Math.imul(index + 1, 2_654_435_761) >>> 0) / 2 ** 32;
}

async function* asyncIterable<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
