import assert from "node:assert/strict";
import { test } from "node:test";
import { hex, utf8 } from "@constellation/bytes";
import { digest, type HashName } from "./index.ts";

/** FIPS 180-4 examples for "abc". */
const ABC: Readonly<Record<HashName, string>> = {
  sha1: "a9993e364706816aba3e25717850c26c9cd0d89d",
  sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  sha384: "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
  sha512:
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
};

test("digest() hashes the parts one after the other", () => {
  for (const [name, wanted] of Object.entries(ABC) as [HashName, string][]) {
    assert.equal(hex(digest(name, utf8("abc"))), wanted);
    assert.equal(hex(digest(name, utf8("a"), utf8(""), utf8("bc"))), wanted);
  }
  assert.equal(hex(digest("sha256")), hex(digest("sha256", new Uint8Array(0))));
});

test("digest() gives a plain Uint8Array of its own", () => {
  for (const result of [digest("sha384", utf8("abc")), digest("sha384", utf8("a"), utf8("bc"))]) {
    assert.equal(Buffer.isBuffer(result), false);
    assert.equal(result.length, 48);
  }
});
