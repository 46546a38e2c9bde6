import assert from "node:assert/strict";
import { inspect } from "node:util";
import { test } from "node:test";
import { MasterSecret } from "@constellation/keys";
import { ConfigError } from "./errors.ts";
import { keyringOf, parseMasterSecret, serializeMasterSecret } from "./master-secret.ts";

const key = new Uint8Array(32).fill(7);
const salt = new Uint8Array(32).fill(9);
const BASE64 = Buffer.from(key).toString("base64");

test("parseMasterSecret() reads what serializeMasterSecret() wrote, in the original's form", () => {
  const text = serializeMasterSecret({ masterSecret: new MasterSecret(key), salt, rotated: [] });
  assert.deepEqual(JSON.parse(text), { key: BASE64, salt: Buffer.from(salt).toString("base64") });
  const file = parseMasterSecret(text);
  assert.deepEqual(file.masterSecret.reveal(), key);
  assert.deepEqual(file.salt, salt);
  assert.match(inspect(file.masterSecret), /\[secret\]/);
});

const second = { generation: 2, master: new MasterSecret(salt), salt: key };
const third = { generation: 3, master: new MasterSecret(key), salt };

for (const rotated of [[second], [second, third], [third]]) {
  const numbers = rotated.map(({ generation }) => generation).join(", ");
  test(`parseMasterSecret() reads generations ${numbers} as serializeMasterSecret() wrote them`, () => {
    const text = serializeMasterSecret({ masterSecret: new MasterSecret(key), salt, rotated });
    const file = parseMasterSecret(text);
    assert.deepEqual(
      file.rotated.map(({ generation, master, salt: own }) => [generation, master.reveal(), own]),
      rotated.map(({ generation, master, salt: own }) => [generation, master.reveal(), own]),
    );
    assert.equal(keyringOf(file).current, rotated.at(-1)?.generation);
  });
}

const rotatedText = (...rotated: unknown[]) => JSON.stringify({ key: BASE64, salt: BASE64, rotated });
const REMOVED = { generation: 2, key: "", salt: "" };

const WRONG: [string, string][] = [
  ["text that is cut off", `{"key":"${BASE64}`],
  ["a list", `["${BASE64}"]`],
  ["a missing salt", JSON.stringify({ key: BASE64 })],
  ["a short key", JSON.stringify({ key: BASE64.slice(0, 40), salt: BASE64 })],
  ["a key that is no base64", JSON.stringify({ key: `!${BASE64}`, salt: BASE64 })],
  ["a key that is a number", JSON.stringify({ key: 3, salt: BASE64 })],
  ["an empty list of generations", rotatedText()],
  ["a generation that is no object", rotatedText(BASE64)],
  ["a gap between generations", rotatedText({ generation: 3, key: BASE64, salt: BASE64 })],
  ["a generation without its salt", rotatedText({ generation: 2, key: BASE64 })],
  ["a generation with a short key", rotatedText({ generation: 2, key: BASE64.slice(0, 40), salt: BASE64 })],
  ["a generation with a further field", rotatedText({ generation: 2, key: BASE64, salt: BASE64, more: BASE64 })],
  ["a current generation that was removed", rotatedText(REMOVED)],
  ["half a removed generation", rotatedText({ ...REMOVED, key: BASE64 }, { generation: 3, key: BASE64, salt: BASE64 })],
  ["too many generations", rotatedText(...Array.from({ length: 255 }, () => REMOVED))],
  ["a further field", JSON.stringify({ key: BASE64, salt: BASE64, more: BASE64 })],
];

for (const [what, text] of WRONG) {
  test(`parseMasterSecret() refuses ${what} and shows nothing of the file`, () => {
    assert.throws(
      () => parseMasterSecret(text),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.ok(!inspect(error, { depth: 9 }).includes(BASE64.slice(0, 8)));
        return true;
      },
    );
  });
}
