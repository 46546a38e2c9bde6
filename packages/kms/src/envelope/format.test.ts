import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, hex, utf8 } from "@constellation/bytes";
import { KmsError, type KmsErrorCode } from "../error.ts";
import { type Envelope, formatEnvelope, parseEnvelope } from "./format.ts";

const ENVELOPE: Envelope = {
  kind: "aws",
  associatedData: utf8("ad"),
  keyName: "key",
  wrappedKey: Uint8Array.of(1, 2, 3, 4),
  nonce: new Uint8Array(12).fill(0x11),
  sealed: new Uint8Array(17).fill(0x22),
};
// SPECIFICATION.md, "Wrapped keys": magic, version, kind, three parts with their lengths, nonce, sealed secret.
const TEXT = `636b6d73 01 02 0002 6164 0003 6b6579 0004 01020304 ${"11".repeat(12)} ${"22".repeat(17)}`.replaceAll(
  " ",
  "",
);

const coded = (code: KmsErrorCode) => (error: unknown) => error instanceof KmsError && error.code === code;

test("formatEnvelope() gives the bytes of the specification, and parseEnvelope() reads them back", () => {
  assert.equal(hex(formatEnvelope(ENVELOPE)), TEXT);
  assert.deepEqual(parseEnvelope(fromHex(TEXT)), ENVELOPE);
});

const REFUSED: readonly [string, string, KmsErrorCode][] = [
  ["nothing", "", "wrapped_key_corrupt"],
  ["other magic", TEXT.replace("636b6d73", "636b6d74"), "wrapped_key_corrupt"],
  ["version 0", TEXT.replace("636b6d7301", "636b6d7300"), "wrapped_key_version"],
  ["version 2", TEXT.replace("636b6d7301", "636b6d7302"), "wrapped_key_version"],
  ["kind 0", TEXT.replace("0102", "0100"), "wrapped_key_corrupt"],
  ["kind 7", TEXT.replace("0102", "0107"), "wrapped_key_corrupt"],
  ["no associated data", TEXT.replace("00026164", "0000"), "wrapped_key_corrupt"],
  ["associated data beyond its bound", TEXT.replace("00026164", `0401${"61".repeat(1025)}`), "wrapped_key_corrupt"],
  ["associated data beyond the end", TEXT.replace("00026164", "03ff6164"), "wrapped_key_corrupt"],
  ["no key name", TEXT.replace("00036b6579", "0000"), "wrapped_key_corrupt"],
  ["a space in the key name", TEXT.replace("6b6579", "6b2079"), "wrapped_key_corrupt"],
  ["a byte of no ASCII in the key name", TEXT.replace("6b6579", "6bff79"), "wrapped_key_corrupt"],
  ["no wrapped content key", TEXT.replace("000401020304", "0000"), "wrapped_key_corrupt"],
  ["no secret", TEXT.slice(0, -2), "wrapped_key_corrupt"],
  ["a secret beyond its bound", TEXT + "22".repeat(4096), "wrapped_key_corrupt"],
];
for (const [title, text, code] of REFUSED) {
  test(`parseEnvelope() refuses ${title}`, () => {
    assert.throws(() => parseEnvelope(fromHex(text)), coded(code));
  });
}

test("formatEnvelope() refuses parts beyond their bounds", () => {
  const format = (parts: Partial<Envelope>) => () => formatEnvelope({ ...ENVELOPE, ...parts });
  assert.throws(format({ associatedData: new Uint8Array() }), coded("request_invalid"));
  assert.throws(format({ associatedData: new Uint8Array(1025) }), coded("request_invalid"));
  assert.throws(format({ keyName: "" }), coded("kms_answer"));
  assert.throws(format({ keyName: "a b" }), coded("kms_answer"));
  assert.throws(format({ keyName: "a".repeat(513) }), coded("kms_answer"));
  assert.throws(format({ wrappedKey: new Uint8Array() }), coded("kms_answer"));
  assert.throws(format({ wrappedKey: new Uint8Array(8193) }), coded("kms_answer"));
});
