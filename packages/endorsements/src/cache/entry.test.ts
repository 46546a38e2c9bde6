import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, utf8 } from "@constellation/bytes";
import { digest } from "@constellation/crypto";
import { decodeEntry, encodeEntry, type Entry } from "./entry.ts";

const ENTRY: Entry = {
  url: "https://vendor.example/crl?a=b",
  fetchedAt: new Date("2026-01-01T00:00:00Z"),
  headers: { etag: '"1"', "issuer-chain": "-----BEGIN%20" },
  body: utf8("contents"),
};

/** An entry whose digest is right, whatever it says. */
function sealed(about: string, aboutBytes = about.length): Uint8Array {
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, aboutBytes);
  const rest = concat(size, utf8(about), utf8("body"));
  return concat(digest("sha256", rest), rest);
}

test("decodeEntry() gives what encodeEntry() took", () => {
  assert.deepEqual(decodeEntry(encodeEntry(ENTRY), ENTRY.url), ENTRY);
  const empty = { ...ENTRY, headers: {}, body: new Uint8Array() };
  assert.deepEqual(decodeEntry(encodeEntry(empty), ENTRY.url), empty);
});

test("decodeEntry() gives nothing for the entry of another address", () => {
  assert.equal(decodeEntry(encodeEntry(ENTRY), "https://vendor.example/crl"), undefined);
});

test("decodeEntry() gives nothing for an entry that is cut anywhere or longer", () => {
  const bytes = encodeEntry(ENTRY);
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(decodeEntry(bytes.subarray(0, length), ENTRY.url), undefined, `${length} bytes`);
  }
  assert.equal(decodeEntry(concat(bytes, new Uint8Array(1)), ENTRY.url), undefined);
});

test("decodeEntry() gives nothing for an entry with any byte changed", () => {
  const bytes = encodeEntry(ENTRY);
  for (let index = 0; index < bytes.length; index++) {
    const changed = bytes.with(index, (bytes[index] as number) ^ 1);
    assert.equal(decodeEntry(changed, ENTRY.url), undefined, `byte ${index}`);
  }
});

test("decodeEntry() gives nothing for bytes that were never made by encodeEntry()", () => {
  const about = JSON.stringify({ url: ENTRY.url, fetchedAt: "2026-01-01T00:00:00Z", headers: [] });
  assert.deepEqual(decodeEntry(sealed(about), ENTRY.url)?.body, utf8("body"));
  assert.equal(decodeEntry(sealed(about.replace("headers", "header")), ENTRY.url), undefined);
  assert.equal(decodeEntry(sealed("{}"), ENTRY.url), undefined);
  assert.equal(decodeEntry(sealed("no JSON"), ENTRY.url), undefined);
  assert.equal(decodeEntry(sealed(about, about.length + 5), ENTRY.url), undefined);
  assert.equal(decodeEntry(sealed(about.padEnd(65_537)), ENTRY.url), undefined);
});
