import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32cChecksum, crc32Checksum, crc64NvmeChecksum } from "./crc.ts";

// Check values of the CRC catalogue (Cook), and what a bit by bit calculation gives for odd lengths.
const vectors = [
  ["crc32Checksum()", crc32Checksum, "cbf43926", "00000000"],
  ["crc32cChecksum()", crc32cChecksum, "e3069283", "00000000"],
  ["crc64NvmeChecksum()", crc64NvmeChecksum, "ae8b14860a799888", "0000000000000000"],
] as const;

for (const [name, make, check, empty] of vectors) {
  test(`${name} gives its check value`, () => {
    const checksum = make();
    checksum.update(Buffer.from("123456789"));
    assert.equal(checksum.digest().toString("hex"), check);
    assert.equal(make().digest().toString("hex"), empty);
  });

  test(`${name} gives the same for all divisions of its input`, () => {
    const bytes = Buffer.alloc(100).map((_, index) => index * 37);
    const whole = make();
    whole.update(bytes);
    for (let first = 0; first < 40; first += 1) {
      const divided = make();
      for (const piece of [bytes.subarray(0, first), bytes.subarray(first, 41), bytes.subarray(41)])
        divided.update(piece);
      assert.equal(divided.digest().toString("hex"), whole.digest().toString("hex"));
    }
  });
}
