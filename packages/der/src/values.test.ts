import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex } from "@constellation/bytes";
import {
  contextConstructed,
  contextPrimitive,
  type DerElement,
  explicit,
  Members,
  parseDer,
  readBitString,
  readBitStringBytes,
  readBoolean,
  readCount,
  readIa5,
  readInteger,
  readIntegerBytes,
  readNamedBits,
  readNull,
  readOctetString,
  readOid,
  readText,
  readTime,
  sequence,
  setOf,
  TAG,
} from "./index.ts";
import { tlv } from "./testing/der-writer.ts";

const parse = (hexText: string) => parseDer(fromHex(hexText));
const tagged = (tag: number, text: string) =>
  parseDer(Buffer.concat([Buffer.from([tag, text.length]), Buffer.from(text, "latin1")]));

test("readInteger() reads two's complement of any size", () => {
  const cases: [string, bigint][] = [
    ["020100", 0n],
    ["02017f", 127n],
    ["02020080", 128n],
    ["020180", -128n],
    ["0201ff", -1n],
    ["0202ff7f", -129n],
    ["020900ffffffffffffffff", 0xffffffffffffffffn],
  ];
  for (const [encoding, value] of cases) assert.equal(readInteger(parse(encoding)), value);
  assert.deepEqual(readIntegerBytes(parse("02020080")), Uint8Array.of(0, 0x80));
});

test("readInteger() refuses no octets and superfluous sign octets", () => {
  for (const encoding of ["0200", "0202007f", "02020000", "0202ff80", "0202ffff"]) {
    assert.throws(() => readInteger(parse(encoding)), { name: "DerError", code: "integer" });
  }
  assert.throws(() => readInteger(parse("0500")), { code: "tag" });
});

test("readCount() refuses values outside its range", () => {
  assert.equal(readCount(parse("020105"), 5), 5);
  assert.throws(() => readCount(parse("020106"), 5), { code: "integer", message: /got "6", wanted "0" to "5"/ });
  assert.throws(() => readCount(parse("0201ff"), 5), { code: "integer" });
});

test("readCount() refuses a number of many octets without working out its value", () => {
  const huge = tlv(TAG.INTEGER, new Uint8Array(16 * 1024 * 1024 - 6).fill(0x55));
  const element = parseDer(huge, { maxSizeBytes: huge.length, maxDepth: 1 });
  assert.throws(() => readCount(element, Number.MAX_SAFE_INTEGER), {
    code: "integer",
    message: `Read INTEGER failed: got "16777210" octets, wanted "0" to "${Number.MAX_SAFE_INTEGER}"`,
  });
  assert.equal(readCount(parse("02071fffffffffffff"), Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
  assert.throws(() => readCount(parse("02087fffffffffffffff"), 5), { message: /got "9223372036854775807"/ });
});

test("readBoolean() accepts 0xff and 0x00 only", () => {
  assert.equal(readBoolean(parse("0101ff")), true);
  assert.equal(readBoolean(parse("010100")), false);
  for (const encoding of ["010101", "0100", "0102ffff"]) {
    assert.throws(() => readBoolean(parse(encoding)), { code: "boolean" });
  }
  assert.throws(() => readBoolean(parse("0500")), { code: "tag" });
});

test("readNull() refuses contents", () => {
  readNull(parse("0500"));
  assert.throws(() => readNull(parse("050100")), { code: "null" });
  assert.throws(() => readNull(parse("020100")), { code: "tag" });
});

test("readOctetString() gives the contents", () => {
  assert.deepEqual(readOctetString(parse("04020102")), Uint8Array.of(1, 2));
  assert.throws(() => readOctetString(parse("0500")), { code: "tag" });
});

test("readBitString() checks the unused bits", () => {
  assert.deepEqual(readBitString(parse("030205a0")), { bytes: Uint8Array.of(0xa0), unusedBits: 5 });
  assert.deepEqual(readBitString(parse("030100")), { bytes: new Uint8Array(0), unusedBits: 0 });
  for (const encoding of ["0300", "03020800", "030101", "030205b0"]) {
    assert.throws(() => readBitString(parse(encoding)), { code: "bit_string" });
  }
  assert.throws(() => readBitString(parse("0500")), { code: "tag" });
});

test("readBitStringBytes() refuses unused bits", () => {
  assert.deepEqual(readBitStringBytes(parse("030200a5")), Uint8Array.of(0xa5));
  assert.throws(() => readBitStringBytes(parse("030204a0")), { code: "bit_string" });
});

test("readNamedBits() numbers bits from the front", () => {
  assert.deepEqual([...readNamedBits(parse("03020106"))], [5, 6]);
  assert.deepEqual([...readNamedBits(parse("0303078080"))], [0, 8]);
  assert.deepEqual([...readNamedBits(parse("030100"))], []);
  assert.throws(() => readNamedBits(parse("03020107")), { code: "bit_string" });
});

test("readNamedBits() lets trailing zero bits pass, as AMD writes them", () => {
  assert.deepEqual([...readNamedBits(parse("03020004"))], [5]);
  assert.deepEqual([...readNamedBits(parse("0303008000"))], [0]);
});

test("readOid() gives dotted text", () => {
  const cases: [string, string][] = [
    ["06082a8648ce3d040302", "1.2.840.10045.4.3.2"],
    ["0603551d0f", "2.5.29.15"],
    ["060100", "0.0"],
    ["060127", "0.39"],
    ["060128", "1.0"],
    ["060150", "2.0"],
    ["0603883703", "2.999.3"],
    ["06146983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776", "2.25.329800735698586629295641978511506172918"],
    ["060988ffffffffffffff7f".replace("0609", "0609"), "2.648518346341351343"],
  ];
  for (const [encoding, text] of cases) assert.equal(readOid(parse(encoding)), text);
});

test("readOid() refuses empty, padded, cut and endless arcs", () => {
  for (const encoding of ["0600", "06028001", "06032a8001", "06022a86", `0615${"81".repeat(20)}01`]) {
    assert.throws(() => readOid(parse(encoding)), { code: "oid" });
  }
  assert.throws(() => readOid(parse("0500")), { code: "tag" });
});

test("readText() reads each string type", () => {
  assert.equal(readText(parse("0c02c3a9")), "é");
  assert.equal(readText(parse("0c0141")), "A");
  assert.equal(readText(parse("13024142")), "AB");
  assert.equal(readText(parse("160140")), "@");
  assert.equal(readText(parse("1401e9")), "é");
  assert.equal(readText(parse("1e0420ac0041")), "€A");
  assert.equal(readIa5(Uint8Array.of(0x41)), "A");
});

test("readText() refuses contents outside the alphabet", () => {
  for (const encoding of ["0c01ff", "130140", "160180", "1e0141", "1e04d83ddca9", "1e02d800"]) {
    assert.throws(() => readText(parse(encoding)), { code: "string" });
  }
  assert.throws(() => readText(parse("0500")), { code: "tag" });
});

test("readTime() reads both forms", () => {
  assert.equal(readTime(tagged(TAG.UTC_TIME, "491231235959Z")).toISOString(), "2049-12-31T23:59:59.000Z");
  assert.equal(readTime(tagged(TAG.UTC_TIME, "500101000000Z")).toISOString(), "1950-01-01T00:00:00.000Z");
  assert.equal(readTime(tagged(TAG.GENERALIZED_TIME, "20240229120000Z")).toISOString(), "2024-02-29T12:00:00.000Z");
  assert.equal(readTime(tagged(TAG.GENERALIZED_TIME, "99991231235959Z")).toISOString(), "9999-12-31T23:59:59.000Z");
  assert.equal(readTime(tagged(TAG.GENERALIZED_TIME, "00010101000000Z")).getUTCFullYear(), 1);
  assert.equal(readTime(tagged(TAG.GENERALIZED_TIME, "20000229000000Z")).toISOString(), "2000-02-29T00:00:00.000Z");
  assert.equal(readTime(tagged(TAG.GENERALIZED_TIME, "21000228000000Z")).toISOString(), "2100-02-28T00:00:00.000Z");
  assert.equal(readTime(tagged(TAG.GENERALIZED_TIME, "20240430235959Z")).toISOString(), "2024-04-30T23:59:59.000Z");
});

test("readTime() refuses other forms and dates that do not exist", () => {
  for (const text of ["4912312359Z", "491231235959", "491231235959+0100", "49123123595Z", "230229000000Z"]) {
    assert.throws(() => readTime(tagged(TAG.UTC_TIME, text)), { code: "time" });
  }
  for (const text of [
    "20240229120000.5Z",
    "20241301000000Z",
    "20240101240000Z",
    "20240101006000Z",
    "20240101000060Z",
    "20240001000000Z",
    "20240100000000Z",
    "20240631000000Z",
    "20230229000000Z",
    "21000229000000Z",
    "2024",
    "",
    "20240101000000",
    "20240101000000ZZ",
    "20240101 00000Z",
  ]) {
    assert.throws(() => readTime(tagged(TAG.GENERALIZED_TIME, text)), { code: "time" });
  }
  assert.throws(() => readTime(tagged(TAG.UTC_TIME, "49123123595\xe9")), { code: "time" });
  assert.throws(() => readTime(parse("0500")), { code: "tag" });
});

test("sequence() walks required and optional members", () => {
  const members = sequence(parse("30080201050101ff0500"), "Example");
  assert.equal(readInteger(members.required(TAG.INTEGER)), 5n);
  assert.equal(members.optional(TAG.OCTET_STRING), undefined);
  assert.equal(members.optional(TAG.BOOLEAN)?.tag, TAG.BOOLEAN);
  members.next();
  members.end();
  assert.equal(members.optional(TAG.NULL), undefined);
});

test("sequence() refuses missing, other and additional members", () => {
  assert.throws(() => sequence(parse("0500"), "Example"), {
    code: "tag",
    message: 'Read Example failed: got tag "0x05", wanted "0x30"',
  });
  assert.throws(() => sequence(parse("3000"), "Example").next(), { code: "structure" });
  assert.throws(() => sequence(parse("30020500"), "Example").required(TAG.INTEGER), { code: "tag" });
  assert.throws(() => sequence(parse("30020500"), "Example").end(), { code: "structure" });
  assert.throws(() => new Members(parse("3000"), TAG.SET, "Example"), { code: "tag" });
  const members = sequence(parse("300405000500"), "Example");
  assert.equal(members.hasMore(), true);
  members.next();
  members.next();
  assert.equal(members.hasMore(), false);
  assert.throws(() => members.next(), { code: "structure" });
  assert.equal(members.optional(TAG.NULL), undefined);
  members.end();
});

test("setOf() gives members in ascending order only", () => {
  assert.equal(setOf(parse("3100"), "Example").length, 0);
  assert.equal(setOf(parse("310a020105020105 0202 0101".replaceAll(" ", "")), "Example").length, 3);
  assert.throws(() => setOf(parse("3106020106020105"), "Example"), { code: "set_order" });
  assert.throws(() => setOf(parse("3000"), "Example"), { code: "tag" });
});

test("explicit() gives the one element inside", () => {
  assert.equal(contextConstructed(0), 0xa0);
  assert.equal(contextPrimitive(6), 0x86);
  assert.equal(explicit(parse("a0020500"), "Example").tag, TAG.NULL);
  assert.throws(() => explicit(parse("a000"), "Example"), { code: "structure" });
  assert.throws(() => explicit(parse("a00405000500"), "Example"), { code: "structure" });
});

test("values end where their elements do, whatever stands behind them", () => {
  const first = (text: string) => parse(text).children[0] as DerElement;
  assert.throws(() => readOid(first("300706022a86020105")), { code: "oid" });
  assert.throws(() => readTime(first("3010170b3235303130313030303030020130")), { code: "time" });
  assert.throws(() => readBoolean(first("30050100020101")), { code: "boolean" });
});

test("sequence() walks as many members as a list of children may have, and no more", () => {
  const list = (count: number) => parse(`3082${(count * 2).toString(16).padStart(4, "0")}${"0500".repeat(count)}`);
  const walk = (count: number) => {
    const members = sequence(list(count), "Example");
    while (members.hasMore()) members.next();
  };
  walk(4096);
  assert.throws(() => walk(4097), { code: "too_large" });
});
