import assert from "node:assert/strict";
import { test } from "node:test";
import { KmsError, type KmsErrorCode } from "../error.ts";
import { standIn } from "../testing/http-request.ts";
import { impatientTools } from "../testing/test-tools.ts";
import { call, type HttpAnswer, jsonOf, statusError, textOf } from "./call.ts";
import type { Fetch } from "./fetch.ts";

const OPERATION = { side: "store", name: "Test" } as const;
const { signal } = new AbortController();
const coded = (code: KmsErrorCode) => (error: unknown) => error instanceof KmsError && error.code === code;

function get<T>(fetch: Fetch, read: (answer: HttpAnswer) => T): Promise<T> {
  const request = { method: "GET", url: "https://store.example/secret?token=s3cret", headers: {} } as const;
  return call(OPERATION, impatientTools(fetch), signal, () => request, read);
}

test("call() gives status, headers and body, whatever the status", async () => {
  const fetch = standIn(() => new Response("text", { status: 418, headers: { "x-a": "b" } }));
  const answer = await get(fetch, (got) => got);
  assert.deepEqual([answer.status, answer.headers.get("x-a"), Buffer.from(answer.body).toString()], [418, "b", "text"]);
});

const STATUSES: readonly [number, KmsErrorCode][] = [
  [400, "store_answer"],
  [401, "store_denied"],
  [403, "store_denied"],
  [404, "store_missing"],
  [429, "store_busy"],
  [500, "store_failed"],
  [503, "store_failed"],
];
for (const [status, code] of STATUSES) {
  test(`statusError() tells status ${status} as ${code}`, async () => {
    const fetch = standIn(() => new Response("", { status, headers: { "retry-after": "2" } }));
    const refused = get(fetch, (answer) => {
      throw statusError(OPERATION, answer, "words");
    });
    await assert.rejects(refused, (error) => coded(code)(error) && (error as KmsError).retryAfterMs === 2_000);
  });
}

const CAUSES: readonly [string, KmsErrorCode][] = [
  ["ECONNREFUSED", "store_unreachable"],
  ["ENOTFOUND", "store_unreachable"],
  ["CERT_HAS_EXPIRED", "store_untrusted"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "store_untrusted"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "store_untrusted"],
];
for (const [code, wanted] of CAUSES) {
  test(`call() tells ${code} as ${wanted}, and nothing of the query`, async () => {
    const cause = Object.assign(new Error("inner"), { code });
    const refused = get(
      () => Promise.reject(new TypeError("fetch failed", { cause })),
      () => undefined,
    );
    await assert.rejects(refused, (error) => coded(wanted)(error) && !(error as Error).message.includes("s3cret"));
  });
}

test("jsonOf() and textOf() refuse what is no JSON object with that text", () => {
  const answer = (text: string): HttpAnswer => ({ status: 200, headers: new Headers(), body: Buffer.from(text) });
  for (const text of ["", "[]", '"x"', '{"a":1', '{"a":1,"a":2}', "\xff"]) {
    assert.throws(() => jsonOf(OPERATION, answer(text)), coded("store_answer"), text);
  }
  assert.equal(textOf(OPERATION, { a: "b" }, "a"), "b");
  assert.throws(() => textOf(OPERATION, { a: 1 }, "a"), coded("store_answer"));
  assert.throws(() => textOf(OPERATION, {}, "a"), coded("store_answer"));
});
