import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { copyOffset, HEADER_SIZE_BYTES } from "./binary-header.ts";
import { LuksError, type LuksErrorCode } from "./errors.ts";
import {
  changeBytes,
  changeMetadata,
  integrityVolumeHeader,
  type Metadata,
  RECORDED_VOLUME_UUID,
  recordedHeader,
  recordedVolumeHeader,
} from "./testdata/recorded-header.ts";
import { isUnfinishedFormat, validateVolumeHeader, wholeHeader, writeOrder } from "./volume-header.ts";

const SEQUENCE_OFFSET = 16;
const NEWER = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 99);

/** The header after a change of the key: slot 1 in the second place, generation 2, a higher sequence number. */
function rekeyed(area: Uint8Array): Uint8Array {
  const changed = changeMetadata(area, (metadata) => {
    metadata.tokens["0"].generation = 2;
    metadata.keyslots = { "1": { ...metadata.keyslots["0"], area: { ...metadata.keyslots["0"].area } } };
    metadata.keyslots["1"].area.offset = String(32768 + Number(metadata.keyslots["1"].area.size));
    metadata.digests["0"].keyslots = ["1"];
  });
  return changeBytes(changed, SEQUENCE_OFFSET, NEWER);
}

describe("validateVolumeHeader()", () => {
  test("accepts what cryptsetup 2.7.5 wrote for a volume", () => {
    assert.deepEqual(validateVolumeHeader(recordedVolumeHeader()), {
      integrity: false,
      generation: 1,
      slot: { number: 0, areaOffset: 32768, areaBytes: 258_048 },
      uuid: RECORDED_VOLUME_UUID,
      copy: "primary",
      whole: true,
    });
  });

  test("accepts a volume with integrity", () => {
    const { integrity, generation, slot } = validateVolumeHeader(integrityVolumeHeader());
    assert.deepEqual([integrity, generation, slot.areaBytes], [true, 1, 385_024]);
  });

  test("accepts the key slot in the other place after a change of the key", () => {
    const { generation, slot } = validateVolumeHeader(rekeyed(recordedVolumeHeader()));
    assert.deepEqual([generation, slot], [2, { number: 1, areaOffset: 290_816, areaBytes: 258_048 }]);
  });

  test("knows no generation before the token is there", () => {
    assert.equal(
      validateVolumeHeader(changeMetadata(recordedVolumeHeader(), (m) => (m.tokens = {}))).generation,
      undefined,
    );
  });

  const mutations: [string, LuksErrorCode, (metadata: Metadata) => void][] = [
    ["cipher_null", "cipher", (m) => (m.segments["0"].encryption = "cipher_null-ecb")],
    ["a changed sector size", "sector_size", (m) => (m.segments["0"].sector_size = 512)],
    ["a changed data offset", "offset", (m) => (m.segments["0"].offset = "33554432")],
    ["integrity of another kind", "integrity", (m) => (m.segments["0"].integrity = { type: "crc32c" })],
    ["integrity that the token does not name", "token", (m) => (m.segments["0"].integrity = INTEGRITY)],
    ["a second key slot", "keyslots", (m) => (m.keyslots["1"] = m.keyslots["0"])],
    ["a key slot 2", "keyslots", (m) => (m.keyslots = { "2": m.keyslots["0"] })],
    ["no key slot", "keyslots", (m) => (m.keyslots = {})],
    ["a key slot elsewhere", "area", (m) => (m.keyslots["0"].area.offset = "548864")],
    ["a key slot of another size", "area", (m) => (m.keyslots["0"].area.size = "4096")],
    ["a null cipher for the slot", "area", (m) => (m.keyslots["0"].area.encryption = "cipher_null-ecb")],
    ["another KDF", "kdf", (m) => (m.keyslots["0"].kdf.type = "argon2id")],
    ["a short key", "keyslot", (m) => (m.keyslots["0"].key_size = 16)],
    ["a digest of no slot", "digest", (m) => (m.digests["0"].keyslots = [])],
    ["a foreign token", "tokens", (m) => (m.tokens["1"] = { type: "systemd-tpm2", keyslots: ["0"] })],
    ["the token of a state disk", "token", (m) => (m.tokens["0"] = { type: "constellation-state-disk", keyslots: [] })],
    ["a token that names another integrity", "token", (m) => (m.tokens["0"].integrity = true)],
    ["a token with a field more", "token", (m) => (m.tokens["0"].more = 1)],
    ["generation 0", "token", (m) => (m.tokens["0"].generation = 0)],
    ["a generation that is text", "token", (m) => (m.tokens["0"].generation = "1")],
    ["a generation past the bound", "token", (m) => (m.tokens["0"].generation = 2 ** 31)],
    ["requirements", "config", (m) => (m.config.requirements = { mandatory: ["online-reencrypt"] })],
    ["an unknown section", "fields", (m) => (m.extra = {})],
  ];
  const INTEGRITY = { type: "hmac(sha256)", journal_encryption: "none", journal_integrity: "none" };
  for (const [what, code, change] of mutations) {
    test(`refuses ${what}`, () => {
      assert.throws(() => validateVolumeHeader(changeMetadata(recordedVolumeHeader(), change)), { code });
    });
    test(`refuses ${what} in one copy alone`, () => {
      for (const copy of ["primary", "secondary"] as const) {
        const area = changeMetadata(recordedVolumeHeader(), change, [copy]);
        assert.throws(() => validateVolumeHeader(area), LuksError);
      }
    });
  }

  test("refuses a state disk", () => assert.throws(() => validateVolumeHeader(recordedHeader()), { code: "token" }));

  test("refuses two UUIDs", () => {
    const other = new TextEncoder().encode("5c7c0000-0000-4000-8000-000000000002");
    assert.throws(() => validateVolumeHeader(changeBytes(recordedVolumeHeader(), 168, other, ["secondary"])), {
      code: "uuid",
    });
  });

  test("refuses what is no UUID", () => {
    const other = new TextEncoder().encode("../../etc/passwd-8000-000000000002xx");
    assert.throws(() => validateVolumeHeader(changeBytes(recordedVolumeHeader(), 168, other)), { code: "uuid" });
  });

  test("refuses two different texts of one sequence number", () => {
    const area = changeMetadata(recordedVolumeHeader(), (m) => (m.tokens["0"].generation = 2), ["secondary"]);
    assert.throws(() => validateVolumeHeader(area), { code: "copies_differ" });
  });

  test("refuses two damaged copies, and none", () => {
    const area = recordedVolumeHeader();
    for (const offset of [4200, HEADER_SIZE_BYTES + 4200]) area[offset] = (area[offset] ?? 0) ^ 1;
    assert.throws(() => validateVolumeHeader(area), { code: "checksum" });
    assert.throws(() => validateVolumeHeader(new Uint8Array(32_768)), { code: "magic" });
  });

  test("takes the newer of two sound copies, and makes both like it", () => {
    const area = recordedVolumeHeader();
    area.set(rekeyed(recordedVolumeHeader()).subarray(HEADER_SIZE_BYTES, 2 * HEADER_SIZE_BYTES), HEADER_SIZE_BYTES);
    const header = validateVolumeHeader(area);
    assert.deepEqual([header.generation, header.copy, header.whole], [2, "secondary", false]);
    const handed = wholeHeader(area, header);
    const { generation, whole } = validateVolumeHeader(handed);
    assert.deepEqual([generation, whole], [2, true]);
  });

  test("takes the sound copy where writing the other was cut off, at any byte", () => {
    const before = recordedVolumeHeader();
    const after = rekeyed(recordedVolumeHeader());
    for (const copy of ["primary", "secondary"] as const) {
      for (let cut = 512; cut < 5000; cut += 512) {
        const area = copy === "primary" ? recordedVolumeHeader() : recordedVolumeHeader();
        if (copy === "primary") area.set(after.subarray(HEADER_SIZE_BYTES), HEADER_SIZE_BYTES);
        area.set(after.subarray(copyOffset(copy), copyOffset(copy) + cut), copyOffset(copy));
        const wanted = copy === "primary" ? 2 : [1, 2];
        const { generation } = validateVolumeHeader(area);
        assert.ok([wanted].flat().includes(generation ?? 0), `${copy} cut at ${cut}`);
      }
    }
    assert.equal(validateVolumeHeader(before).generation, 1);
  });
});

describe("writeOrder()", () => {
  test("writes the new slot's area first, then second and first copy, then what is used no more", () => {
    const before = validateVolumeHeader(recordedVolumeHeader());
    const order = writeOrder(validateVolumeHeader(rekeyed(recordedVolumeHeader())), before);
    assert.deepEqual(order, [
      { start: 290_816, end: 548_864 },
      { start: 16_384, end: 32_768 },
      { start: 0, end: 16_384 },
      { start: 32_768, end: 290_816 },
    ]);
  });
});

test("writeOrder() leaves the one sound copy for the end", () => {
  const area = recordedVolumeHeader();
  area.fill(0, 0, HEADER_SIZE_BYTES);
  const order = writeOrder(validateVolumeHeader(rekeyed(recordedVolumeHeader())), validateVolumeHeader(area));
  assert.deepEqual(order.slice(1, 3), [
    { start: 0, end: 16_384 },
    { start: 16_384, end: 32_768 },
  ]);
});

describe("isUnfinishedFormat()", () => {
  const unfinished = (area: Uint8Array): boolean => isUnfinishedFormat(area, RECORDED_VOLUME_UUID);

  test("knows zeros, and what was written of a header of this UUID", () => {
    assert.ok(unfinished(new Uint8Array(32_768)));
    const area = new Uint8Array(32_768);
    area.set(recordedVolumeHeader().subarray(0, 4608));
    assert.ok(unfinished(area));
  });

  test("knows no file system and no header of another UUID as such", () => {
    const ext4 = new Uint8Array(32_768);
    ext4.set([0x53, 0xef], 1024 + 56);
    assert.ok(!unfinished(ext4));
    assert.ok(!isUnfinishedFormat(recordedVolumeHeader(), "5c7c0000-0000-4000-8000-000000000002"));
  });
});
