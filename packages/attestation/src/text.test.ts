import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { clusterIdPcr } from "./cluster-register.ts";
import { parseStrictJson } from "./strict-json.ts";

test("parseStrictJson() parses what JSON.parse does", () => {
  for (const text of ['{"a":{"a":[{"a":1},{"a":"\\"}{:"}]}, "b" : [ "a", "a" ]}', "[]", '"a"', "1", '{"a":"a"}']) {
    assert.deepEqual(parseStrictJson(text), JSON.parse(text));
  }
});

test("parseStrictJson() refuses a key twice in one object, however written", () => {
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '[{"b":{"a":1,"c":[],"a" : 2}}]',
    '{"a\\"":1,"a\\"":1}',
  ]) {
    assert.throws(() => parseStrictJson(text), { name: "SyntaxError", message: /key twice/ });
  }
  assert.throws(() => parseStrictJson("{"), SyntaxError);
});

test("clusterIdPcr() is one extension of zeros", () => {
  const clusterId = new Uint8Array(32).fill(5);
  const event = createHash("sha256").update(clusterId).digest();
  const wanted = createHash("sha256").update(Buffer.alloc(32)).update(event).digest("hex");
  assert.equal(clusterIdPcr(clusterId), wanted);
});

test("clusterIdPcr() refuses another length", () => {
  assert.throws(() => clusterIdPcr(new Uint8Array(31)), { code: "cluster_id_length" });
});
