import assert from "node:assert/strict";
import { test } from "node:test";
import { KeysError } from "./errors.ts";
import { formatKeyId, parseKeyId } from "./key-id.ts";

const UUID = "5c7c9a1e-0000-8000-8000-0123456789ab";

for (const text of [
  `state-disk/${UUID}`,
  "volume/pvc-1.a_B",
  "object-kek/x",
  "etcd-secrets/kubernetes",
  `volume/${"a".repeat(128)}`,
]) {
  test(`parseKeyId() accepts ${JSON.stringify(text)}`, () => {
    assert.equal(formatKeyId(parseKeyId(text)), text);
  });
}

const refused = [
  "",
  "/",
  "volume",
  "volume/",
  "/a",
  "Volume/a",
  "other/a",
  "toString/a",
  "volume/a/b",
  "volume//a",
  "volume/../state-disk/x",
  "volume/..",
  "volume/.a",
  "volume/a.",
  "volume/a..b",
  "volume/-a",
  "volume/a b",
  "volume/a\n",
  "volume/a\u0000",
  "volume/ä",
  "volume/a%2fb",
  "volume/a\\b",
  `volume/${"a".repeat(129)}`,
  `state-disk/${UUID.toUpperCase()}`,
  `state-disk/${UUID}\n`,
  `state-disk/${UUID}/32`,
  "state-disk/x",
  "etcd-secrets/1",
  ` state-disk/${UUID}`,
];
for (const text of refused) {
  test(`parseKeyId() refuses ${JSON.stringify(text.slice(0, 40))} (${text.length} characters)`, () => {
    assert.throws(
      () => parseKeyId(text),
      (error: unknown) => error instanceof KeysError && error.code === "key_id" && error.message.length < 400,
    );
  });
}

test("parseKeyId() says what IDs its namespace has", () => {
  assert.throws(() => parseKeyId("state-disk/x"), /got state-disk ID "x", wanted a lower-case UUID$/);
  assert.throws(() => parseKeyId("volume/.a"), /got volume ID "\.a", wanted a name of 1 to 128 characters$/);
});
