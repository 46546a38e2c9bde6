import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, fromHex, hex, utf8 } from "@constellation/bytes";
import fc from "fast-check";
import { type CborValue, type CoseErrorCode, parseCbor } from "./index.ts";
import { encode } from "./testing/cbor.ts";

const parse = (hexText: string) => parseCbor(fromHex(hexText.replaceAll(" ", "")));
const refuses = (code: CoseErrorCode, hexText: string, message = /./) =>
  assert.throws(() => parse(hexText), { name: "CoseError", code, message });

/** RFC 8949 appendix A, as far as its items are of the types that are read. */
const EXAMPLES: readonly [string, CborValue][] = [
  ["00", 0n],
  ["01", 1n],
  ["0a", 10n],
  ["17", 23n],
  ["1818", 24n],
  ["1819", 25n],
  ["1864", 100n],
  ["1903e8", 1000n],
  ["1a000f4240", 1000000n],
  ["1b000000e8d4a51000", 1000000000000n],
  ["1bffffffffffffffff", 18446744073709551615n],
  ["3bffffffffffffffff", -18446744073709551616n],
  ["20", -1n],
  ["29", -10n],
  ["3863", -100n],
  ["3903e7", -1000n],
  ["f4", false],
  ["f5", true],
  ["f6", null],
  ["40", new Uint8Array(0)],
  ["4401020304", Uint8Array.of(1, 2, 3, 4)],
  ["60", ""],
  ["6161", "a"],
  ["6449455446", "IETF"],
  ["62225c", '"\\'],
  ["62c3bc", "ü"],
  ["63e6b0b4", "水"],
  ["64f0908591", "𐅑"],
  ["80", []],
  ["83010203", [1n, 2n, 3n]],
  ["8301820203820405", [1n, [2n, 3n], [4n, 5n]]],
  ["98190102030405060708090a0b0c0d0e0f101112131415161718181819", Array.from({ length: 25 }, (_, i) => BigInt(i + 1))],
  ["a0", new Map()],
  [
    "a201020304",
    new Map([
      [1n, 2n],
      [3n, 4n],
    ]),
  ],
  [
    "a26161016162820203",
    new Map<string, CborValue>([
      ["a", 1n],
      ["b", [2n, 3n]],
    ]),
  ],
  ["826161a161626163", ["a", new Map([["b", "c"]])]],
];

test("parseCbor() reads the examples of RFC 8949 appendix A", () => {
  for (const [encoding, value] of EXAMPLES) assert.deepEqual(parse(encoding), value, encoding);
});

test("parseCbor() is undone by an encoder", () => {
  for (const [encoding, value] of EXAMPLES) assert.equal(hex(encode(value)), encoding);
  const { item } = fc.letrec<{ item: CborValue }>((tie) => ({
    item: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
      fc.uint8Array({ maxLength: 300 }),
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("item"), { maxLength: 4 }),
      fc
        .array(fc.tuple(fc.oneof(fc.string(), fc.bigInt({ min: -9n, max: 9n })), tie("item")), { maxLength: 4 })
        .map((pairs) => new Map(pairs)),
    ),
  }));
  const limits = { maxSizeBytes: 1_000_000, maxDepth: 100, maxItems: 100_000 };
  fc.assert(
    fc.property(item, fc.boolean(), (value, openMaps) => {
      assert.deepEqual(parseCbor(encode(value, openMaps), limits), value);
    }),
  );
});

test("parseCbor() throws nothing but CoseError, and takes each value in one form only", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      let value: CborValue;
      try {
        value = parseCbor(bytes);
      } catch (error) {
        assert.equal((error as Error).name, "CoseError");
        return;
      }
      if (!bytes.includes(0xbf)) assert.deepEqual(encode(value), bytes);
    }),
    { numRuns: 2000 },
  );
});

test("parseCbor() gives plain views for a Buffer", () => {
  const value = parseCbor(Buffer.from("4161", "hex"));
  assert.deepEqual(value, Uint8Array.of(0x61));
  assert.equal(Buffer.isBuffer(value), false);
});

test("parseCbor() reads a map that leaves its length open", () => {
  assert.deepEqual(parse("bf ff"), new Map());
  assert.deepEqual(
    parse("bf 01 02 6161 bf ff ff"),
    new Map<bigint | string, CborValue>([
      [1n, 2n],
      ["a", new Map()],
    ]),
  );
});

test("parseCbor() refuses a map with open length that does not end as it should", () => {
  refuses("cbor_truncated", "bf");
  refuses("cbor_truncated", "bf 01");
  refuses("cbor_truncated", "bf 01 02");
  refuses("cbor_unsupported", "bf 01 ff");
});

test("parseCbor() refuses open lengths of strings and arrays, and a break on its own", () => {
  for (const open of ["5f 4101 ff", "7f 6161 ff", "9f 01 ff", "ff", "1f", "3f"]) refuses("cbor_unsupported", open);
});

test("parseCbor() refuses floats, tags, undefined and other simple values", () => {
  for (const item of ["f90000", "fa00000000", "fb0000000000000000", "c001", "d81801", "f7", "e0", "f8ff", "f814"]) {
    refuses("cbor_unsupported", item);
  }
});

test("parseCbor() refuses numbers and lengths that are not in their shortest form", () => {
  for (const item of [
    "1817",
    "1900ff",
    "1a0000ffff",
    "1b00000000ffffffff",
    "3817",
    "5800",
    "580161",
    "7800",
    "9800",
    "b800",
  ]) {
    refuses("cbor_head", item, /shortest form/);
  }
});

test("parseCbor() refuses heads that are reserved", () => {
  for (const item of ["1c", "1d", "1e", "3c", "5d", "7e", "9c", "bd"]) refuses("cbor_head", item, /additional/);
});

test("parseCbor() refuses cut items and lengths beyond the input", () => {
  for (const item of ["", "18", "19ff", "1affffff", "1bffffffffffffff", "41", "6261", "82 01", "a1 01", "a1"]) {
    refuses("cbor_truncated", item);
  }
  for (const item of ["5affffffff", "7bffffffffffffffff", "9affffffff", "bbffffffffffffffff"]) {
    refuses("cbor_truncated", item, /got length/);
  }
});

test("parseCbor() refuses bytes after the item", () => {
  refuses("cbor_trailing", "00 00");
  refuses("cbor_trailing", "bf ff ff");
});

test("parseCbor() refuses text that is not UTF-8", () => {
  for (const item of ["61ff", "62c080", "63eda080"]) refuses("cbor_text", item);
});

test("parseCbor() refuses a key that stands twice, in every kind of map", () => {
  refuses("cbor_duplicate_key", "a2 01 00 01 00", /got key "1" twice/);
  refuses("cbor_duplicate_key", "a2 6161 00 6161 00", /got key "a" twice/);
  refuses("cbor_duplicate_key", "bf 20 00 20 01 ff", /got key "-1" twice/);
  refuses("cbor_duplicate_key", "a2 611b 00 611b 00", /got key "\\u001b" twice/);
  const long = `7864${"61".repeat(100)}`;
  refuses("cbor_duplicate_key", `a2 ${long} 00 ${long} 00`, /got key "a{79}\.\.\. twice/);
});

test("parseCbor() refuses keys that are neither integers nor text", () => {
  for (const map of ["a1 4161 00", "a1 f5 00", "a1 f6 00", "a1 80 00", "bf a0 00 ff"]) refuses("cbor_key", map);
});

test("parseCbor() keeps to its limits", () => {
  const limits = { maxSizeBytes: 5, maxDepth: 2, maxItems: 3 };
  assert.deepEqual(parseCbor(fromHex("820102"), limits), [1n, 2n]);
  assert.throws(() => parseCbor(fromHex("4401020304ff"), limits), { code: "cbor_too_large" });
  assert.throws(() => parseCbor(fromHex("83010203"), limits), { code: "cbor_too_large", message: /data items/ });
  assert.throws(() => parseCbor(fromHex("a201020304"), limits), { code: "cbor_too_large", message: /data items/ });
  assert.throws(() => parseCbor(fromHex("818100"), limits), { code: "cbor_too_deep" });
  assert.throws(() => parseCbor(fromHex("a100a0").subarray(0), { ...limits, maxDepth: 1 }), { code: "cbor_too_deep" });
});

test("parseCbor() is not led deep or long by few bytes", () => {
  assert.throws(() => parseCbor(new Uint8Array(60_000).fill(0x81)), { code: "cbor_too_deep" });
  assert.throws(() => parseCbor(concat(fromHex("99ea60"), new Uint8Array(60_000))), { code: "cbor_too_large" });
});

test("parseCbor() lets through what is no fault of the input", () => {
  assert.throws(() => parseCbor(undefined as unknown as Uint8Array), TypeError);
  assert.deepEqual(utf8("a"), Uint8Array.of(0x61));
});
