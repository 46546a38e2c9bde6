import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "./crc32c.ts";

// RFC 3720, appendix B.4.
const VECTORS: readonly [string, Uint8Array, number][] = [
  ["32 bytes of zeros", new Uint8Array(32), 0x8a9136aa],
  ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["32 incrementing bytes", Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
  ["32 decrementing bytes", Uint8Array.from({ length: 32 }, (_, index) => 31 - index), 0x113fdb5c],
];
for (const [title, bytes, sum] of VECTORS) {
  test(`crc32c() gives the RFC's checksum of ${title}`, () => {
    assert.equal(crc32c(bytes), sum);
  });
}
