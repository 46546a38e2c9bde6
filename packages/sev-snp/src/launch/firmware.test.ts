import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, utf8 } from "@constellation/bytes";
import fc from "fast-check";
import { SevSnpError } from "../error.ts";
import {
  FIRMWARE_GUID,
  type FirmwareParts,
  metadata,
  tableEntry,
  words,
  writeFirmware,
} from "../testing/firmware-writer.ts";
import { parseFirmware } from "./firmware.ts";

const UNKNOWN_GUID = "e47a6535-984a-4798-865e-4685a7bf8ec2";

test("parseFirmware() reads the tables of an image", () => {
  const image = writeFirmware({ entries: [tableEntry(UNKNOWN_GUID, words(7))] });
  assert.deepEqual(parseFirmware(image), {
    image,
    gpa: 0xffff_e000,
    sections: [
      { kind: "SNP_SEC_MEM", gpa: 0x800000, sizeBytes: 0x9000 },
      { kind: "SNP_SECRETS", gpa: 0x80d000, sizeBytes: 0x1000 },
      { kind: "CPUID", gpa: 0x80e000, sizeBytes: 0x1000 },
      { kind: "SVSM_CAA", gpa: 0x80f000, sizeBytes: 0x1000 },
      { kind: "SNP_KERNEL_HASHES", gpa: 0x810000, sizeBytes: 0x1000 },
    ],
    hashTable: { gpa: 0x810c00, sizeBytes: 0x400 },
    apResetEip: 0x80b004,
  });
});

test("parseFirmware() takes a hash table at zero for none", () => {
  assert.equal("hashTable" in parseFirmware(writeFirmware({ hashTable: { gpa: 0, sizeBytes: 0 } })), false);
});

test("parseFirmware() reads an image with metadata alone", () => {
  const image = writeFirmware();
  const entries = tableEntry(FIRMWARE_GUID.METADATA, words(1024));
  const table = concat(entries, tableEntry(FIRMWARE_GUID.FOOTER, new Uint8Array(0), entries.length + 18));
  image.set(table, image.length - 32 - table.length);
  const firmware = parseFirmware(image);
  assert.equal("hashTable" in firmware || "apResetEip" in firmware, false);
  assert.equal(firmware.sections.length, 5);
});

test("parseFirmware() refuses an image that is not whole pages of at most 16 MiB", () => {
  const wrong = [0, 1, 4095, 4097, 16 * 1024 * 1024 + 4096];
  for (const length of wrong) refuses(new Uint8Array(length), new RegExp(`an image of ${length} bytes`));
  const largest = writeFirmware({ sizeBytes: 16 * 1024 * 1024 });
  assert.equal(parseFirmware(largest).gpa, 0xff00_0000);
});

test("parseFirmware() refuses an image without the table", () => {
  refuses(writeFirmware({ footerGuid: UNKNOWN_GUID }), /at the end, wanted/);
  refuses(new Uint8Array(4096), /an entry of 0 bytes/);
});

test("parseFirmware() refuses lengths that leave the table or the image", () => {
  const broken: FirmwareParts[] = [
    { footerLength: 17 },
    { footerLength: 8161 },
    { footerLength: 0xffff },
    { footerLength: 20 },
    { entries: [tableEntry(UNKNOWN_GUID, words(1), 17)] },
    { entries: [tableEntry(UNKNOWN_GUID, words(1), 23)] },
    { entries: [tableEntry(UNKNOWN_GUID, words(1), 21)] },
  ];
  for (const parts of broken) refuses(writeFirmware(parts), /Parse firmware failed: got /);
});

test("parseFirmware() refuses a table that reaches before the image", () => {
  const image = new Uint8Array(4096);
  const start = 4096 - 32 - 18;
  image.set(tableEntry(FIRMWARE_GUID.FOOTER, new Uint8Array(0), 4064), start);
  for (let end = start; end > 17; end -= 18) {
    image.set(
      tableEntry(`${UNKNOWN_GUID.slice(0, -4)}${end.toString(16).padStart(4, "0")}`, new Uint8Array(0)),
      end - 18,
    );
  }
  refuses(image, /a table that starts before the image/);
});

test("parseFirmware() refuses a table that is longer than the image, though its entries agree", () => {
  const image = new Uint8Array(4096);
  const table = concat(
    tableEntry(UNKNOWN_GUID, new Uint8Array(0), 4146),
    tableEntry(FIRMWARE_GUID.FOOTER, new Uint8Array(0), 4164),
  );
  image.set(table, image.length - 32 - table.length);
  refuses(image, /an entry of 4164 bytes, wanted 18 to 4064/);
});

test("parseFirmware() refuses an entry that is there twice", () => {
  refuses(writeFirmware({ entries: [tableEntry(FIRMWARE_GUID.RESET_BLOCK, words(1))] }), /twice/);
});

test("parseFirmware() refuses entries of another length than theirs", () => {
  for (const [guid, data] of [
    [FIRMWARE_GUID.METADATA, new Uint8Array(8)],
    [FIRMWARE_GUID.METADATA, new Uint8Array(3)],
  ] as const) {
    refuses(writeFirmware({ metadataOffset: undefined, entries: [tableEntry(guid, data)] }), /SEV metadata offset of/);
  }
  const without = (guid: string, data: Uint8Array) => {
    const image = writeFirmware();
    const entries = tableEntry(guid, data);
    const table = concat(entries, tableEntry(FIRMWARE_GUID.FOOTER, new Uint8Array(0), entries.length + 18));
    image.set(table, image.length - 32 - table.length);
    return image;
  };
  refuses(without(FIRMWARE_GUID.HASH_TABLE, new Uint8Array(4)), /SEV hash table of 4 bytes, wanted 8/);
  refuses(without(FIRMWARE_GUID.RESET_BLOCK, new Uint8Array(8)), /SEV-ES reset block of 8 bytes, wanted 4/);
});

test("parseFirmware() refuses an image without SEV metadata", () => {
  refuses(writeFirmware({ metadataOffset: undefined }), /got no SEV metadata/);
  for (const metadataOffset of [0, 15, 8193, 0xffff_ffff]) {
    refuses(writeFirmware({ metadataOffset }), /SEV metadata \d+ bytes before the end/);
  }
});

test("parseFirmware() refuses metadata with another header", () => {
  const sections = words(0x800000, 0x1000, 1);
  refuses(
    writeFirmware({ metadata: concat(utf8("ASEW"), words(28, 1, 1), sections) }),
    /wanted "41534556" version "1"/,
  );
  refuses(
    writeFirmware({ metadata: concat(utf8("ASEV"), words(28, 2, 1), sections) }),
    /wanted "41534556" version "1"/,
  );
  for (const [sizeBytes, count] of [
    [27, 1],
    [29, 1],
    [28, 2],
    [40, 1],
    [16 + 12 * 85, 85],
    [28, 0xffff_ffff],
  ] as const) {
    refuses(
      writeFirmware({ metadata: concat(utf8("ASEV"), words(sizeBytes, 1, count), sections) }),
      /wanted a size that fits/,
    );
  }
});

test("parseFirmware() refuses sections that are not whole pages below 4 GiB", () => {
  const wrong = [
    [0x800001, 0x1000, 1],
    [0x800000, 0x1001, 1],
    [0x800000, 0, 1],
    [0xffff_f000, 0x2000, 1],
    [0x800000, 0x2000, 2],
    [0x800000, 0x2000, 3],
    [0x800000, 0x2000, 0x10],
  ] as const;
  for (const section of wrong) refuses(writeFirmware({ sections: [section] }), /got section /);
  refuses(writeFirmware({ sections: [[0x800000, 0x1000, 5]] }), /section type "5"/);
});

test("parseFirmware() refuses sections of more than 64 MiB together", () => {
  const half = [0x800000, 32 * 1024 * 1024, 1] as const;
  assert.equal(parseFirmware(writeFirmware({ sections: [half, half] })).sections.length, 2);
  refuses(writeFirmware({ sections: [half, half, [0, 0x1000, 4]] }), /sections of 67112960 bytes/);
});

test("parseFirmware() throws nothing but SevSnpError", () => {
  const image = writeFirmware();
  const change = fc.tuple(
    fc.integer({ min: image.length - 1100, max: image.length - 1 }),
    fc.integer({ min: 0, max: 255 }),
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
      const broken = Uint8Array.from(image);
      for (const [offset, value] of changes) broken[offset] = value;
      try {
        parseFirmware(broken);
      } catch (error) {
        assert.ok(error instanceof SevSnpError);
      }
    }),
  );
  assert.doesNotThrow(() => parseFirmware(writeFirmware({ metadata: metadata([]) })));
});

function refuses(image: Uint8Array, message: RegExp): void {
  assert.throws(() => parseFirmware(image), { name: "SevSnpError", code: "firmware", message });
}
