import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { isObject, JsonError, memberText, parseStrictJson, parseStrictJsonObject } from "./index.ts";

const refused = (code: string) => (error: unknown) => error instanceof JsonError && error.code === code;

test("parseStrictJson() reads what JSON.parse() reads", () => {
  const texts = [
    "0",
    "-1.5e3",
    '"a\\"b\\\\"',
    "[]",
    "{}",
    '{"a":{"b":[1,"x:y",null,true]},"c":"}"}',
    ' [ "a" , "b" ] ',
  ];
  for (const text of texts) {
    assert.deepEqual(parseStrictJson(text), JSON.parse(text));
    assert.deepEqual(parseStrictJson(utf8(text)), JSON.parse(text));
  }
});

test("parseStrictJson() refuses a key twice at any depth, however it is written", () => {
  const deep = '{"a":{"b":[{"c":":","c":{}}]},"d":{"e":0}}';
  for (const text of [
    deep,
    '{"__proto__":1,"__proto__":2}',
    '{"a":{"b":1,"c":2},"a":3}',
    '{"a":1,"a":2}',
    '[{"b":{"a":1, "a" :2}}]',
    '{"a":1,"\\u0061":2}',
    '{"":0,"":0}',
  ]) {
    assert.throws(() => parseStrictJson(text), refused("duplicate_key"));
  }
  for (const text of [
    '{"a":{"a":1},"b":{"a":1},"c":["a","a",":"]}',
    '{":":{"\\\\":":"},"__proto__":{"a":0}}',
    '["a:b"]',
  ]) {
    assert.doesNotThrow(() => parseStrictJson(text), text);
  }
});

test("parseStrictJson() refuses what is not JSON", () => {
  for (const text of ["", "{", "}", "]]", '"a', '"\\"', "01", "[1,]", '{"a" "b"}', "NaN", '"\\x":1', '"a":1', "{}x"]) {
    assert.throws(() => parseStrictJson(text), JsonError, text);
  }
  assert.throws(() => parseStrictJson(Uint8Array.of(0x22, 0xff, 0x22)), refused("syntax"));
  assert.throws(() => parseStrictJson(Uint8Array.of(0xef, 0xbb, 0xbf, 0x30)), refused("syntax"));
});

test("parseStrictJson() refuses deep nesting in no time", () => {
  assert.throws(() => parseStrictJson("[".repeat(16 * 1024 * 1024)), refused("too_deep"));
  assert.throws(() => parseStrictJson(`${"[".repeat(33)}${"]".repeat(33)}`), refused("too_deep"));
  assert.doesNotThrow(() => parseStrictJson(`${"[".repeat(32)}${"]".repeat(32)}`));
});

test("parseStrictJson() refuses more closing than opening brackets before it keeps anything", () => {
  // Kept for each depth below zero, the keys of eight million objects would fill the memory.
  const text = `${"]".repeat(8 * 1024 * 1024)}${"{".repeat(8 * 1024 * 1024)}`;
  assert.throws(() => parseStrictJson(text), {
    code: "syntax",
    message: 'Parse JSON failed: got "]" that closes nothing, wanted an opening bracket before it',
  });
  assert.throws(() => parseStrictJson("[]}"), { message: /got "}" that closes nothing/ });
});

test("parseStrictJsonObject() refuses other values", () => {
  assert.deepEqual(parseStrictJsonObject('{"a":1}'), { a: 1 });
  for (const text of ["[]", "null", '"a"', "1"]) assert.throws(() => parseStrictJsonObject(text), refused("shape"));
});

test("isObject() tells objects from arrays and null", () => {
  assert.deepEqual([{}, [], null, "a"].map(isObject), [true, false, false, false]);
});

test("memberText() gives a member exactly as it stands", () => {
  const document = ' { "x" : [1, {"y": "}"}] , "n":-1.50 ,"s":"a\\"," , "\\u006f" : { "a" :1 } ,"t":true\n}';
  const members = { x: '[1, {"y": "}"}]', n: "-1.50", s: '"a\\","', o: '{ "a" :1 }', t: "true" };
  for (const [key, text] of Object.entries(members)) assert.equal(memberText(document, key), text);
  assert.throws(() => memberText(document, "y"), refused("shape"));
  assert.throws(() => memberText("{}", "y"), refused("shape"));
});
