import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CHUNK_BYTES,
  leaderLength,
  MIN_PART_BYTES,
  multipartPlainLength,
  multipartSealedLength,
  plainLength,
  plainPartLength,
  sealedLength,
  sealedPartLength,
} from "./sizes.ts";
import { leaderReadBytes } from "./manifest.ts";

const TEBIBYTE = 2 ** 40;
const length = fc.oneof(
  fc.integer({ min: 0, max: 4 * CHUNK_BYTES }),
  fc.maxSafeInteger().map((n) => Math.abs(n) % (50 * TEBIBYTE)),
);

test("sealedLength() adds a tag for each chunk", () => {
  const wanted = [
    [0, 16],
    [1, 17],
    [CHUNK_BYTES, CHUNK_BYTES + 16],
    [CHUNK_BYTES + 1, CHUNK_BYTES + 33],
  ] as const;
  for (const [plain, sealed] of wanted) assert.equal(sealedLength(plain), sealed);
});

test("plainLength(), plainPartLength() and multipartPlainLength() are inverses", () => {
  fc.assert(
    fc.property(length, (plain) => {
      assert.equal(plainLength(sealedLength(plain)), plain);
      assert.equal(plainPartLength(sealedPartLength(plain)), plain);
      assert.equal(multipartPlainLength(multipartSealedLength(plain)), plain);
    }),
  );
});

test("plainLength() and multipartPlainLength() give nothing for lengths that nothing has", () => {
  for (let sealed = 0; sealed < 16; sealed += 1) assert.equal(plainLength(sealed), undefined);
  for (const rest of [1, 15, 16]) assert.equal(plainLength(sealedLength(CHUNK_BYTES) + rest), undefined);
  const known = new Set(Array.from({ length: 200 }, (_, plain) => multipartSealedLength(plain)));
  const first = multipartSealedLength(0);
  for (let sealed = first - 5; sealed < first + 100; sealed += 1) {
    assert.equal(multipartPlainLength(sealed) === undefined, !known.has(sealed), `${sealed}`);
  }
});

test("leaderLength() is never below the store's least part, and holds any manifest", () => {
  const first = fc.integer({ min: MIN_PART_BYTES, max: MIN_PART_BYTES + 3 * CHUNK_BYTES });
  const last = fc.integer({ min: 0, max: MIN_PART_BYTES });
  fc.assert(
    fc.property(fc.array(first, { maxLength: 200 }), last, (many, one) => {
      const parts = [...many, one];
      const plain = parts.reduce((sum, bytes) => sum + bytes, 0);
      const sealed = parts.reduce((sum, bytes) => sum + sealedPartLength(bytes), 0);
      const leader = leaderLength(parts);
      assert.ok(leader >= MIN_PART_BYTES && leader > leaderReadBytes(Number.MAX_SAFE_INTEGER), `${leader}`);
      assert.equal(leader + sealed, multipartSealedLength(plain));
    }),
  );
  const most = leaderLength(Array.from({ length: 9_999 }, () => MIN_PART_BYTES + 1));
  assert.ok(most >= MIN_PART_BYTES, `${most}`);
});
