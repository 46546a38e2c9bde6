import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { bytes, setUp } from "./testing/setting.ts";

// A store that others write to meanwhile, that refuses, and that is full.

test("an object that is replaced between look and read is looked at again, three times", async (context) => {
  const { store, send, put } = await setUp(context);
  const plain = bytes(4 * 65_536);
  const replacedAfterLooks = async (looks: number): Promise<void> => {
    await put("/bucket/key", plain);
    let seen = 0;
    store.intercept = (request, response) => {
      if (request.method !== "HEAD" || seen === looks) return false;
      seen += 1;
      response.once("finish", () => (store.object("bucket/key").etag = `"${seen}"`));
      return false;
    };
  };
  const range = { headers: { range: "bytes=65536-65540" } };
  const copy = { method: "PUT", headers: { "x-amz-copy-source": "/bucket/key" } };
  await replacedAfterLooks(2);
  const got = await send("/bucket/key", range);
  assert.deepEqual([got.status, got.body], [206, plain.subarray(65_536, 65_541)]);
  await replacedAfterLooks(2);
  assert.equal((await send("/bucket/copy", copy)).status, 200);
  await replacedAfterLooks(3);
  assert.equal((await send("/bucket/key", range)).status, 503);
  await replacedAfterLooks(3);
  assert.equal((await send("/bucket/copy", copy)).status, 503);
});

test("a client's own condition on an object that is replaced fails as it should", async (context) => {
  const { store, send, put } = await setUp(context);
  const { headers: stored } = await put("/bucket/key", bytes(4 * 65_536));
  let seen = 0;
  store.intercept = (request, response) => {
    if (request.method !== "HEAD") return false;
    seen += 1;
    response.once("finish", () => (store.object("bucket/key").etag = `"${seen}"`));
    return false;
  };
  const headers = { range: "bytes=65536-65540", "if-match": stored["etag"]?.toString() ?? "" };
  assert.equal((await send("/bucket/key", { headers })).status, 412);
  const copy = { "x-amz-copy-source": "/bucket/key", "if-none-match": "*" };
  assert.equal((await put("/bucket/copy", "", copy)).status, 412);
});

test("a copy that is refused leaves no answer of the store open", async (context) => {
  const { store, send, put, upload } = await setUp(context);
  await put("/bucket/key", bytes(8 * 1024 * 1024));
  const { uploadId } = await upload("/bucket/copy", []);
  const open = new Set<ServerResponse>();
  store.intercept = (request, response) => {
    if (request.method !== "GET") return false;
    open.add(response);
    response.once("close", () => open.delete(response));
    return false;
  };
  const headers = { "x-amz-copy-source": "/bucket/key" };
  const query = { partNumber: "0", uploadId };
  assert.equal((await send("/bucket/copy", { method: "PUT", query, headers })).status, 400);
  for (let waits = 0; open.size > 0 && waits < 100; waits += 1) await delay(50);
  assert.equal(open.size, 0);
});

test("a store that is full is told of, keeps what was there, and takes the object when it has room", async (context) => {
  const { store, send, put, upload } = await setUp(context);
  const [before, after] = [bytes(1_000_000, 1), bytes(3_000_000, 2)];
  await put("/bucket/key", before);
  const { uploadId } = await upload("/bucket/parts", []);
  const full = "<Error><Code>XMinioStorageFull</Code><Message>Storage backend has no room</Message></Error>";
  store.intercept = (request, response) => {
    if (request.method !== "PUT") return false;
    // In the midst of the body, as a disk fills.
    request.once("data", () => response.writeHead(507).end(full));
    return true;
  };
  const part = { method: "PUT", query: { partNumber: "1", uploadId }, body: after };
  for (const answer of [await put("/bucket/key", after), await send("/bucket/parts", part)]) {
    assert.deepEqual([answer.status, answer.code], [507, "XMinioStorageFull"]);
  }
  assert.ok((await send("/bucket/key")).body.equals(before));
  store.intercept = () => false;
  assert.equal((await put("/bucket/key", after)).status, 200);
  assert.equal((await send("/bucket/parts", part)).status, 200);
  assert.ok((await send("/bucket/key")).body.equals(after));
});
