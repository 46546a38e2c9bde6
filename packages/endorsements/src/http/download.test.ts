import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { refusal } from "../testing/errors.ts";
import { FakeServer, HANGS_UP, says, SAYS_NOTHING, STALLS, streams, TRUNCATES } from "../testing/fake-server.ts";
import { FAKE_NOW } from "../testing/world.ts";
import { type Download, download } from "./download.ts";
import { createFetch, type Fetch } from "./fetch.ts";
import { DEFAULT_LIMITS } from "./limits.ts";

const server = await FakeServer.start();
const other = await FakeServer.start();
after(() => Promise.all([server.close(), other.close()]));
beforeEach(() => server.reset());

const nodeFetch = createFetch({ env: {} });
const LIMITS = { ...DEFAULT_LIMITS, timeoutMs: 60_000, maxBodyBytes: 100_000 };

interface Changes {
  readonly conditions?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly fetch?: Fetch;
  readonly signal?: AbortSignal;
}

/** Fetches "/file". */
function get({
  conditions = {},
  timeoutMs = LIMITS.timeoutMs,
  fetch = nodeFetch,
  signal,
}: Changes = {}): Promise<Download> {
  const tools = { fetch, now: () => FAKE_NOW, limits: { ...LIMITS, timeoutMs } };
  const request = { url: `${server.url}/file`, name: "file", conditions };
  return download(request, tools, signal ?? new AbortController().signal);
}

async function bodyOf(answer: Promise<Download>): Promise<Uint8Array> {
  const got = await answer;
  assert.ok(got.kind === "body");
  return got.body;
}

test("download() gives body and headers, by either fetch", async () => {
  server.set("/file", { headers: { etag: '"1"' }, body: "contents" });
  for (const fetch of [nodeFetch, globalThis.fetch as Fetch]) {
    const got = await get({ fetch });
    assert.ok(got.kind === "body");
    assert.deepEqual(got.body, utf8("contents"));
    assert.equal(got.headers.get("etag"), '"1"');
  }
  assert.equal(server.requests.at(-1)?.headers["accept-encoding"], "identity");
});

test("download() gives an empty body", async () => {
  server.set("/file", {});
  assert.deepEqual(await bodyOf(get()), new Uint8Array());
  const bodiless = async () => new Response(null);
  assert.deepEqual(await bodyOf(get({ fetch: bodiless })), new Uint8Array());
});

test("download() tells that nothing changed, where it asked so", async () => {
  server.set("/file", { headers: { etag: '"1"' }, body: "contents" });
  const conditions = { "if-none-match": '"1"' };
  for (const fetch of [nodeFetch, globalThis.fetch as Fetch]) {
    assert.equal((await get({ conditions, fetch })).kind, "not_modified");
  }
  server.failNext(says(304));
  await assert.rejects(get(), refusal("unexpected_status", "304"));
});

test("download() tells statuses apart", async () => {
  const cases = [
    [404, "unknown_platform"],
    [410, "evaluation_gone"],
    [429, "rate_limited"],
    [400, "unexpected_status"],
    [401, "unexpected_status"],
    [204, "unexpected_status"],
    [206, "unexpected_status"],
    [500, "server_error"],
    [503, "server_error"],
  ] as const;
  for (const [status, code] of cases) {
    server.failNext(says(status));
    await assert.rejects(get(), refusal(code, `got status ${status}`));
  }
});

test("download() tells how long the service wants to be left alone", async () => {
  server.failNext(says(429, { "retry-after": "12" }), says(503, { "retry-after": "soon" }));
  await assert.rejects(get(), { code: "rate_limited", retryAfterMs: 12_000 });
  await assert.rejects(get(), { code: "server_error", retryAfterMs: undefined });
});

test("download() follows redirects within the host", async () => {
  server.set("/file", { status: 301, headers: { location: "/moved" } });
  server.set("/moved", { status: 307, headers: { location: `${server.url}/again` } });
  server.set("/again", { body: "moved" });
  assert.deepEqual(await bodyOf(get()), utf8("moved"));
});

test("download() refuses redirects to other hosts, to nowhere, and in a circle", async () => {
  const asked = other.requests.length;
  for (const location of [`${other.url}/file`, "https://127.0.0.1/file", "http://[", "file:///etc/passwd"]) {
    server.set("/file", { status: 302, headers: { location } });
    await assert.rejects(get(), refusal("redirect_refused"), location);
  }
  assert.equal(other.requests.length, asked);
  server.set("/file", { status: 302 });
  await assert.rejects(get(), refusal("redirect_refused", "null"));
  server.set("/file", { status: 302, headers: { location: "/file" } });
  await assert.rejects(get(), refusal("redirect_refused", "more than 3"));
});

test("download() refuses a page for people, by either fetch", async () => {
  for (const type of ["text/html; charset=utf-8", "Application/XHTML+xml"]) {
    server.set("/file", { headers: { "content-type": type }, body: "<p>sign in" });
    for (const fetch of [nodeFetch, globalThis.fetch as Fetch]) {
      await assert.rejects(get({ fetch }), refusal("content_type", type));
    }
  }
});

test("download() refuses a body that says to be too large, and one that turns out to be", async () => {
  server.set("/file", { body: new Uint8Array(100_001) });
  await assert.rejects(get(), refusal("too_large", "got 100001 bytes"));
  server.failNext(streams(1_000_000));
  await assert.rejects(get(), refusal("too_large", "more than 100000 bytes"));
  server.set("/file", { body: new Uint8Array(100_000) });
  assert.equal((await bodyOf(get())).length, 100_000);
});

test("download() refuses a body that ends early, by either fetch", async () => {
  for (const fetch of [nodeFetch, globalThis.fetch as Fetch]) {
    server.failNext(TRUNCATES);
    await assert.rejects(get({ fetch }), refusal("truncated", "5 bytes"));
  }
  const short = async () => new Response("start", { headers: { "content-length": "100" } });
  await assert.rejects(get({ fetch: short }), refusal("truncated", "5 bytes, wanted 100"));
});

test("download() refuses an answer that does not come, or does not end", async () => {
  server.failNext(SAYS_NOTHING, STALLS);
  await assert.rejects(get({ timeoutMs: 200 }), refusal("timeout", "200 ms"));
  await assert.rejects(get({ timeoutMs: 200 }), refusal("timeout", "200 ms"));
});

test("download() tells that nobody is there, by either fetch", async () => {
  // Node's own asks again over a new connection where one that was kept open ends.
  server.failAlways(HANGS_UP);
  for (const fetch of [nodeFetch, globalThis.fetch as Fetch]) {
    await assert.rejects(get({ fetch }), refusal("unreachable"));
  }
  const odd = () => Promise.reject("no error object");
  await assert.rejects(get({ fetch: odd }), refusal("unreachable", "no error object"));
});

test("download() ends with the caller", async () => {
  await assert.rejects(get({ signal: AbortSignal.abort() }), refusal("cancelled"));
  const caller = new AbortController();
  server.failNext((response) => {
    STALLS(response);
    caller.abort();
  });
  await assert.rejects(get({ signal: caller.signal }), refusal("cancelled"));
});

test("download() lets go of bodies that it does not want, also where that fails", async () => {
  const cancelled: unknown[] = [];
  const cancel = (reason: unknown) => {
    cancelled.push(reason);
    throw new Error("gone already");
  };
  const fetch = async () => new Response(new ReadableStream({ cancel }), { status: 500 });
  await assert.rejects(get({ fetch }), refusal("server_error"));
  assert.equal(cancelled.length, 1);
});

test("download() hands on defects", async () => {
  const broken = async () => ({ status: 200 }) as Response;
  await assert.rejects(get({ fetch: broken }), TypeError);
});
