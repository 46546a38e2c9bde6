import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, hex } from "@constellation/bytes";
import { KmsError } from "../error.ts";
import { formatTtlv, parseTtlv, type Ttlv, TTLV_LIMITS } from "./ttlv.ts";

// KMIP 1.4, section 9.1.2: the examples of each type; "big" with its sign extension to 16 bytes.
const EXAMPLES: readonly [string, Ttlv][] = [
  ["42002002 00000004 0000000800000000", { tag: 0x420020, type: "integer", value: 8 }],
  ["42002003 00000008 01B69B4BA5749200", { tag: 0x420020, type: "long", value: 123456789000000000n }],
  [
    "42002004 00000010 0000000003FD35EB6BC2DF4618080000",
    { tag: 0x420020, type: "big", bytes: fromHex("0000000003FD35EB6BC2DF4618080000") },
  ],
  ["42002005 00000004 000000FF00000000", { tag: 0x420020, type: "enumeration", value: 255 }],
  ["42002006 00000008 0000000000000001", { tag: 0x420020, type: "boolean", value: true }],
  ["42002007 0000000B 48656C6C6F20576F726C640000000000", { tag: 0x420020, type: "text", value: "Hello World" }],
  ["42002008 00000003 0102030000000000", { tag: 0x420020, type: "bytes", value: Uint8Array.of(1, 2, 3) }],
  ["42002009 00000008 0000000047DA67F8", { tag: 0x420020, type: "date-time", value: 0x47da67f8n }],
  ["4200200A 00000004 000D2F0000000000", { tag: 0x420020, type: "interval", value: 864_000 }],
  [
    "42002001 00000020 42000405 00000004 000000FE00000000 42000502 00000004 000000FF00000000",
    {
      tag: 0x420020,
      type: "structure",
      items: [
        { tag: 0x420004, type: "enumeration", value: 254 },
        { tag: 0x420005, type: "integer", value: 255 },
      ],
    },
  ],
];
const bytesOf = (text: string): Uint8Array => fromHex(text.replaceAll(" ", ""));

for (const [text, item] of EXAMPLES) {
  test(`parseTtlv() and formatTtlv() agree with the standard's example of ${item.type}`, () => {
    assert.deepEqual(parseTtlv(bytesOf(text)), item);
    assert.equal(hex(formatTtlv(item)), hex(bytesOf(text)));
  });
}

const REFUSED: readonly [string, string][] = [
  ["nothing", ""],
  ["a header that is cut", "42002002 000000"],
  ["a value that is cut", "42002002 00000004 000000"],
  ["a value without its padding", "42002002 00000004 00000008"],
  ["padding that is not zero", "42002002 00000004 0000000800000001"],
  ["bytes after the end", "42002002 00000004 0000000800000000 00"],
  ["an integer of eight bytes", "42002002 00000008 0000000000000008"],
  ["a long of four bytes", "42002003 00000004 0000000800000000"],
  ["a big integer of four bytes", "42002004 00000004 0000000800000000"],
  ["a big integer of none", "42002004 00000000"],
  ["a boolean of two", "42002006 00000008 0000000000000002"],
  ["text that is no UTF-8", "42002007 00000001 FF00000000000000"],
  ["type 0", "42002000 00000000"],
  ["type 11", "4200200B 00000000"],
  ["a tag of no tag space", "41002002 00000004 0000000800000000"],
  ["an item longer than its structure", "42002001 00000008 42000402 00000004"],
  ["a length beyond everything", "42002008 FFFFFFFF 00"],
];
for (const [title, text] of REFUSED) {
  test(`parseTtlv() refuses ${title}`, () => {
    assert.throws(
      () => parseTtlv(bytesOf(text)),
      (error) => error instanceof KmsError && error.code === "kms_answer",
    );
  });
}

test("parseTtlv() refuses more depth, items and bytes than its bounds", () => {
  const nested = (depth: number): Ttlv =>
    depth === 0
      ? { tag: 0x420020, type: "integer", value: 1 }
      : { tag: 0x420020, type: "structure", items: [nested(depth - 1)] };
  assert.doesNotThrow(() => parseTtlv(formatTtlv(nested(TTLV_LIMITS.depth - 1))));
  assert.throws(() => parseTtlv(formatTtlv(nested(TTLV_LIMITS.depth))), KmsError);
  const many = (count: number): Uint8Array =>
    formatTtlv({
      tag: 1 + 0x420000,
      type: "structure",
      items: Array.from({ length: count }, () => ({ tag: 0x420020, type: "bytes", value: new Uint8Array() }) as const),
    });
  assert.doesNotThrow(() => parseTtlv(many(TTLV_LIMITS.items - 1)));
  assert.throws(() => parseTtlv(many(TTLV_LIMITS.items)), KmsError);
  assert.throws(() => parseTtlv(new Uint8Array(TTLV_LIMITS.bytes + 8)), KmsError);
});
