import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { parseBearerToken } from "./bearer-token.ts";
import { KeyServiceError } from "./errors.ts";

const part = (text: string) => Buffer.from(text).toString("base64url");
const token = (payload: string) => `${part("{}")}.${part(payload)}.${part("signature")}`;

test("parseBearerToken() gives the token and when it ends", () => {
  const text = token('{"exp":100}');
  assert.deepEqual(parseBearerToken(`Bearer ${text}`), { token: text, expiresMs: 100_000 });
});

test("parseBearerToken() refuses a call without a token", () => {
  assert.throws(() => parseBearerToken(null), { code: "token_missing" });
});

const SECRET = part('{"exp":100,"secret":1}');
const refused: [string, string][] = [
  ["an empty text", ""],
  ["another scheme", `Basic ${token('{"exp":100}')}`],
  ["a scheme in small letters", `bearer ${token('{"exp":100}')}`],
  ["two parts", `Bearer a.${SECRET}`],
  ["four parts", `Bearer a.${SECRET}.b.c`],
  ["other characters", `Bearer a.${SECRET}.b\u00e9`],
  ["two tokens", `Bearer a.${SECRET}.b, Bearer a.${SECRET}.b`],
  ["a payload that is no JSON", `Bearer a.${part("x")}.b`],
  ["a payload that is null", `Bearer a.${part("null")}.b`],
  ["no end", `Bearer ${token("{}")}`],
  ["an end that is no number", `Bearer ${token('{"exp":"100"}')}`],
  ["an end that is not finite", `Bearer ${token('{"exp":1e999}')}`],
  ["a text that is too long", `Bearer ${"a".repeat(8_200)}.${SECRET}.b`],
];
for (const [what, header] of refused) {
  test(`parseBearerToken() refuses ${what} and does not show it`, () => {
    assert.throws(
      () => parseBearerToken(header),
      (error: unknown) => {
        assert.ok(error instanceof KeyServiceError && error.code === "token_malformed");
        return !inspect(error).includes(SECRET);
      },
    );
  });
}
