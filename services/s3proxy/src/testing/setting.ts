import type { TestContext } from "node:test";
import type { HandlerParts } from "../handle.ts";
import { send, type TestAnswer, type TestRequest } from "./client.ts";
import { FakeStore } from "./fake-store.ts";
import { startTestProxy, type TestProxy } from "./proxy.ts";

/** An upload that was begun, and the ETags of its parts. */
export interface TestUpload {
  readonly uploadId: string;
  readonly etags: string[];
}

/** A proxy before a fake store, and short ways to use it. */
export interface Setting {
  readonly store: FakeStore;
  readonly proxy: TestProxy;
  readonly send: (path: string, request?: TestRequest) => Promise<TestAnswer>;
  readonly put: (path: string, body: string | Uint8Array, headers?: Record<string, string>) => Promise<TestAnswer>;
  /** Uploads parts and completes them in their order; gives the ETags of the parts. */
  readonly upload: (path: string, bodies: readonly Uint8Array[]) => Promise<TestUpload>;
}

/** Starts both; they end with the test. */
export async function setUp(context: TestContext, changes: Partial<HandlerParts> = {}): Promise<Setting> {
  const store = await FakeStore.start();
  const proxy = await startTestProxy({ endpoint: store.endpoint }, changes);
  context.after(async () => {
    await proxy.close();
    await store.close();
  });
  const call = (path: string, request?: TestRequest) => send(proxy.endpoint, path, request);
  return {
    store,
    proxy,
    send: call,
    put: (path, body, headers = {}) => call(path, { method: "PUT", body, headers }),
    async upload(path, bodies) {
      const uploadId = await createUpload(call, path);
      const etags: string[] = [];
      for (const [index, body] of bodies.entries()) {
        const query = { partNumber: `${index + 1}`, uploadId };
        etags.push((await call(path, { method: "PUT", query, body })).headers.etag ?? "");
      }
      return { uploadId, etags };
    },
  };
}

/** The body that completes an upload. */
export function completion(etags: readonly string[], firstNumber = 1): string {
  const parts = etags.map(
    (etag, index) => `<Part><PartNumber>${index + firstNumber}</PartNumber><ETag>${etag}</ETag></Part>`,
  );
  return `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
}

/** Text that can be told from any other. */
export function bytes(length: number, seed = 1): Buffer {
  const out = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) out.writeUInt32LE(Math.imul(at + seed, 2_654_435_761) >>> 0, at);
  return out;
}

async function createUpload(
  call: (path: string, request?: TestRequest) => Promise<TestAnswer>,
  path: string,
): Promise<string> {
  const created = await call(path, { method: "POST", query: { uploads: "" } });
  return /<UploadId>(.*?)<\/UploadId>/.exec(created.body.toString())?.[1] ?? "";
}
