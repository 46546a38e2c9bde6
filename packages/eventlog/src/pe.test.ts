import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { hex } from "@constellation/bytes";
import { buildPe, PE_OFFSETS } from "@constellation/testkit";
import fc from "fast-check";
import { authenticodeHash } from "./authenticode.ts";
import { EventLogError } from "./error.ts";
import { parsePe, sectionContent } from "./pe.ts";

const SECTIONS = [
  { name: ".text", content: Buffer.alloc(700, 1) },
  { name: ".data", content: Buffer.from("data") },
];
const PLAIN = buildPe({ sections: SECTIONS });
const SIGNED = buildPe({ sections: SECTIONS, certificates: Buffer.alloc(64, 9) });

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = value;
  return copy;
}

describe("parsePe()", () => {
  it("finds the sections and their content", () => {
    const image = parsePe(PLAIN);
    assert.deepEqual(
      image.sections.map(({ name, virtualSize }) => [name, virtualSize]),
      [
        [".text", 700],
        [".data", 4],
      ],
    );
    assert.deepEqual(
      image.sections.map((section) => sectionContent(image, section)),
      SECTIONS.map(({ content }) => new Uint8Array(content)),
    );
  });

  it("refuses a cut image, another machine, and certificates that are not at the end", () => {
    const cases = [
      PLAIN.subarray(0, PLAIN.length - 1),
      PLAIN.subarray(0, 100),
      new Uint8Array(0),
      changed(PLAIN, 68, 0x4c),
      changed(PLAIN, 60, 0xff),
      Uint8Array.of(...SIGNED, 0),
      changed(SIGNED, PE_OFFSETS.certificateEntry + 4, 63),
    ];
    for (const image of cases) assert.throws(() => parsePe(image), { name: "EventLogError", code: "pe" });
  });

  it("throws nothing but EventLogError on changed images", () => {
    const change = fc.tuple(fc.nat(511), fc.nat(255));
    const property = fc.property(
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.nat(PLAIN.length),
      (changes, length) => {
        const image = Uint8Array.from(SIGNED.subarray(0, length));
        for (const [at, value] of changes) if (at < length) image[at] = value;
        try {
          authenticodeHash(image, "sha256");
        } catch (error) {
          assert.ok(error instanceof EventLogError, String(error));
        }
      },
    );
    fc.assert(property, { numRuns: 500, seed: 1 });
  });
});

describe("authenticodeHash()", () => {
  it("leaves out no certificate entry where the image has none", () => {
    const { checksum, certificateEntry } = PE_OFFSETS;
    // The number of data directories stands before the first of them; the entry of certificates would be the fifth.
    const short = changed(PLAIN, certificateEntry - 4 * 8 - 4, 4);
    const rest = [short.subarray(0, checksum), short.subarray(checksum + 4)];
    const wanted = createHash("sha256").update(Buffer.concat(rest)).digest("hex");
    assert.equal(hex(authenticodeHash(short, "sha256")), wanted);
  });

  it("refuses an image whose sections overlap", () => {
    const image = Buffer.from(PLAIN);
    const [text, data] = [".text", ".data"].map((name) => image.indexOf(name)) as [number, number];
    const start = image.readUInt32LE(text + 20);
    image.writeUInt32LE(image.length - start, data + 16);
    image.writeUInt32LE(start, data + 20);
    assert.throws(() => authenticodeHash(image, "sha256"), { name: "EventLogError", code: "pe", message: /overlap/ });
  });

  it("is the digest of the file without checksum, certificate entry and certificates", () => {
    const { checksum, certificateEntry } = PE_OFFSETS;
    const rest = [
      PLAIN.subarray(0, checksum),
      PLAIN.subarray(checksum + 4, certificateEntry),
      PLAIN.subarray(certificateEntry + 8),
    ];
    const wanted = createHash("sha256").update(Buffer.concat(rest)).digest("hex");
    assert.equal(hex(authenticodeHash(PLAIN, "sha256")), wanted);
    assert.equal(hex(authenticodeHash(SIGNED, "sha256")), wanted);
    assert.equal(hex(authenticodeHash(changed(PLAIN, checksum, 7), "sha256")), wanted);
  });

  it("covers every other byte, and bytes behind the sections", () => {
    const before = hex(authenticodeHash(PLAIN, "sha256"));
    for (const at of [10, PE_OFFSETS.checksum + 4, 600, PLAIN.length - 1]) {
      assert.notEqual(hex(authenticodeHash(changed(PLAIN, at, 0xa5), "sha256")), before);
    }
    assert.notEqual(hex(authenticodeHash(Uint8Array.of(...PLAIN, 0), "sha256")), before);
  });
});
