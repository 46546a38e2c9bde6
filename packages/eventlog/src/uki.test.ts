import assert from "node:assert/strict";
import { test } from "node:test";
import { buildPe } from "@constellation/testkit";
import { parseUki } from "./uki.ts";

const IMAGE = buildPe({
  sections: [
    { name: ".sdmagic", content: Buffer.from("#### LoaderInfo: systemd-stub 257.13-1~deb13u1 ####\0") },
    { name: ".linux", content: Buffer.from("kernel") },
  ],
});
/** Within a section's header. */
const VIRTUAL_SIZE_OFFSET = 8;

function withVirtualSize(section: string, sizeBytes: number): Uint8Array {
  const image = Buffer.from(IMAGE);
  image.writeUInt32LE(sizeBytes, image.indexOf(section) + VIRTUAL_SIZE_OFFSET);
  return new Uint8Array(image);
}

test("parseUki() takes sections that are longer in memory than in the file, up to the size of the image", () => {
  assert.equal(parseUki(withVirtualSize(".linux", IMAGE.length)).linux.length, IMAGE.length);
});

test("parseUki() refuses an image without the section that names its stub", () => {
  const image = buildPe({ sections: [{ name: ".linux", content: Buffer.from("kernel") }] });
  assert.throws(() => parseUki(image), { code: "uki", message: /got systemd-stub null, wanted "257"/ });
});

test("parseUki() refuses a section that asks for more memory than the image has bytes", () => {
  for (const section of [".linux", ".sdmagic"]) {
    for (const sizeBytes of [IMAGE.length + 1, 1 << 30]) {
      assert.throws(() => parseUki(withVirtualSize(section, sizeBytes)), {
        code: "uki",
        message: new RegExp(`"${section}" has ${sizeBytes} bytes, wanted at most`),
      });
    }
  }
});
