import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CopyName, replaceCopy } from "./binary-header.ts";
import { LuksError, type LuksErrorCode } from "./errors.ts";
import { inspectDisk, validateHeader } from "./header.ts";
import {
  changeBytes,
  changeJson,
  changeMetadata,
  type Metadata,
  RECORDED_UUID,
  recordedHeader,
} from "./testdata/recorded-header.ts";

const OTHER_UUID = "5c7c0000-0000-8000-8000-000000000001";
const KEYSLOT_AREA_OF_FORMAT = "32768";

/** The recorded header as it was before the commit. */
function freshHeader(): Uint8Array {
  return changeMetadata(recordedHeader(), (metadata) => {
    metadata.tokens = {};
    metadata.keyslots["0"].area.offset = KEYSLOT_AREA_OF_FORMAT;
  });
}

/** The recorded header after a change of its key. */
function rekeyed(
  area: Uint8Array,
  generation: number,
  offset = KEYSLOT_AREA_OF_FORMAT,
  copies: readonly CopyName[] = ["primary", "secondary"],
): Uint8Array {
  const change = (metadata: Metadata): void => {
    metadata.tokens["0"].generation = generation;
    metadata.keyslots["0"].area.offset = offset;
  };
  return changeBytes(changeMetadata(area, change, copies), 16, Uint8Array.of(0, 0, 0, 0, 0, 0, 1, generation), copies);
}

function refused(area: Uint8Array, code: LuksErrorCode, field: RegExp): void {
  assert.throws(
    () => validateHeader(area, RECORDED_UUID),
    (error: unknown) => {
      assert.ok(error instanceof LuksError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.field, field);
      assert.match(error.message, /is ".*", wanted ".*"/);
      return true;
    },
  );
}

describe("validateHeader()", () => {
  test("accepts what cryptsetup 2.7.5 wrote for an initialised disk", () => {
    const { initialised, generation, areaOffset } = validateHeader(recordedHeader(), RECORDED_UUID);
    assert.deepEqual(
      { initialised, generation, areaOffset },
      { initialised: true, generation: 1, areaOffset: 417_792 },
    );
  });

  test("accepts the header of a disk that was just formatted", () => {
    assert.equal(validateHeader(freshHeader(), RECORDED_UUID).initialised, false);
  });

  const mutations: [string, LuksErrorCode, RegExp, (metadata: Metadata) => void][] = [
    ["a changed cipher", "cipher", /encryption/, (m) => (m.segments["0"].encryption = "aes-cbc-essiv:sha256")],
    ["cipher_null", "cipher", /encryption/, (m) => (m.segments["0"].encryption = "cipher_null-ecb")],
    ["another IV", "cipher", /iv_tweak/, (m) => (m.segments["0"].iv_tweak = "8")],
    ["no integrity", "segments", /segments/, (m) => delete m.segments["0"].integrity],
    ["another integrity", "integrity", /integrity/, (m) => (m.segments["0"].integrity.type = "crc32c")],
    ["a journal setting", "integrity", /integrity/, (m) => (m.segments["0"].integrity.journal_integrity = "hmac")],
    ["a changed sector size", "sector_size", /sector_size/, (m) => (m.segments["0"].sector_size = 512)],
    ["a changed data offset", "offset", /offset/, (m) => (m.segments["0"].offset = "33554432")],
    ["a fixed size", "offset", /size/, (m) => (m.segments["0"].size = "1048576")],
    ["another segment type", "segments", /type/, (m) => (m.segments["0"].type = "linear")],
    ["segment flags", "segments", /segments/, (m) => (m.segments["0"].flags = ["backup-final"])],
    ["a second segment", "segments", /segments/, (m) => (m.segments["1"] = m.segments["0"])],
    ["a second key slot", "keyslots", /keyslots/, (m) => (m.keyslots["1"] = m.keyslots["0"])],
    ["no key slot", "keyslots", /keyslots/, (m) => delete m.keyslots["0"]],
    ["a re-encryption slot", "keyslot", /type/, (m) => (m.keyslots["0"].type = "reencrypt")],
    ["a slot priority", "keyslot", /keyslots/, (m) => (m.keyslots["0"].priority = 2)],
    ["a short key", "keyslot", /key_size/, (m) => (m.keyslots["0"].key_size = 64)],
    ["a null cipher for the slot", "area", /area/, (m) => (m.keyslots["0"].area.encryption = "cipher_null-ecb")],
    ["a changed slot offset", "area", /area/, (m) => (m.keyslots["0"].area.offset = KEYSLOT_AREA_OF_FORMAT)],
    ["a changed slot size", "area", /area/, (m) => (m.keyslots["0"].area.size = "4096")],
    ["a weaker splitter", "af", /af/, (m) => (m.keyslots["0"].af.stripes = 1)],
    ["another KDF", "kdf", /kdf/, (m) => (m.keyslots["0"].kdf.type = "argon2id")],
    ["other iterations", "kdf", /kdf/, (m) => (m.keyslots["0"].kdf.iterations = 1)],
    ["a short salt", "kdf", /salt/, (m) => (m.keyslots["0"].kdf.salt = "AAAA")],
    ["a changed digest type", "digest", /digests/, (m) => (m.digests["0"].type = "argon2id")],
    ["a digest of no slot", "digest", /digests/, (m) => (m.digests["0"].keyslots = [])],
    ["a short digest", "digest", /digest/, (m) => (m.digests["0"].digest = "AAAA")],
    ["a second digest", "digests", /digests/, (m) => (m.digests["1"] = m.digests["0"])],
    ["a foreign token", "tokens", /tokens/, (m) => (m.tokens["1"] = { type: "systemd-tpm2", keyslots: ["0"] })],
    ["a token of another type", "token", /tokens/, (m) => (m.tokens["0"].type = "systemd-tpm2")],
    ["a token for a slot", "token", /tokens/, (m) => (m.tokens["0"].keyslots = ["0"])],
    ["a token with a field more", "token", /tokens/, (m) => (m.tokens["0"].more = true)],
    ["a token that says no", "token", /tokens/, (m) => (m.tokens["0"].initialised = false)],
    ["a token that names the first generation", "token", /generation/, (m) => (m.tokens["0"].generation = 1)],
    ["a token of no generation's number", "token", /generation/, (m) => (m.tokens["0"].generation = 256)],
    ["a token whose generation is text", "token", /generation/, (m) => (m.tokens["0"].generation = "2")],
    ["config flags", "config", /config/, (m) => (m.config.flags = ["no-journal"])],
    ["requirements", "config", /config/, (m) => (m.config.requirements = { mandatory: ["online-reencrypt"] })],
    ["another slot area", "config", /config/, (m) => (m.config.keyslots_size = "4096")],
    ["an unknown section", "fields", /json/, (m) => (m.extra = {})],
  ];
  for (const [what, code, field, change] of mutations) {
    test(`refuses ${what}`, () => refused(changeMetadata(recordedHeader(), change), code, field));
  }

  test("accepts a later generation in its token, and its slot in either place", () => {
    for (const offset of [KEYSLOT_AREA_OF_FORMAT, "417792"]) {
      const { generation, areaOffset } = validateHeader(rekeyed(recordedHeader(), 7, offset), RECORDED_UUID);
      assert.deepEqual([generation, areaOffset], [7, Number(offset)]);
    }
    refused(rekeyed(recordedHeader(), 7, "802816"), "area", /offset/);
  });

  test("refuses another disk's UUID", () => {
    assert.throws(() => validateHeader(recordedHeader(), OTHER_UUID), { code: "uuid" });
  });

  test("refuses a wrong checksum", () => {
    const area = recordedHeader();
    area[5000] = (area[5000] ?? 0) ^ 1;
    refused(area, "checksum", /primary/);
  });

  test("refuses two copies that differ in their text", () => {
    const area = changeMetadata(recordedHeader(), (m) => (m.digests["0"].salt = Buffer.alloc(32).toString("base64")), [
      "secondary",
    ]);
    refused(area, "copies_differ", /header/);
  });

  test("refuses two copies that differ in their sequence number", () => {
    const number = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 9);
    refused(changeBytes(recordedHeader(), 16, number, ["secondary"]), "copies_differ", /header/);
  });

  test("refuses garbage behind the text", () => {
    refused(changeBytes(recordedHeader(), 16_000, Uint8Array.of(1)), "json", /json/);
  });

  test("refuses text behind the object", () => {
    refused(
      changeJson(recordedHeader(), (json) => `${json}{}`),
      "json",
      /json/,
    );
  });

  test("refuses a key that stands twice", () => {
    const doubled = (json: string): string => json.replace('"segments":', '"tokens":{},"segments":');
    refused(changeJson(recordedHeader(), doubled), "json", /json/);
  });

  test("refuses text that another reader may read otherwise", () => {
    refused(
      changeJson(recordedHeader(), (json) => json.replace("4000", "4e3")),
      "json",
      /json/,
    );
    refused(
      changeJson(recordedHeader(), (json) => json.replace('"luks1"', '"\\u006cuks1"')),
      "json",
      /json/,
    );
  });

  const binary: [string, LuksErrorCode, RegExp, number, number[]][] = [
    ["another version", "version", /version/, 6, [0, 1]],
    ["another header size", "header_size", /hdr_size/, 8, [0, 0, 0, 0, 0, 0, 0x80, 0]],
    ["a label", "label", /label/, 24, [0x61]],
    ["another checksum algorithm", "checksum_algorithm", /checksum_alg/, 72, [0x73, 0x68, 0x61, 0x31, 0, 0]],
    ["a subsystem", "label", /subsystem/, 208, [0x61]],
    ["another header offset", "header_offset", /hdr_offset/, 256, [0, 0, 0, 0, 0, 0, 0x10, 0]],
    ["bytes in the padding", "padding", /padding/, 300, [1]],
    ["bytes in the last padding", "padding", /padding4096/, 4000, [1]],
    ["bytes behind the digest", "padding", /csum/, 448 + 40, [1]],
  ];
  for (const [what, code, field, offset, bytes] of binary) {
    test(`refuses ${what}`, () => refused(changeBytes(recordedHeader(), offset, Uint8Array.from(bytes)), code, field));
  }

  test("refuses a header area that is cut off", () => {
    refused(recordedHeader().subarray(0, 20_000), "size", /secondary/);
  });

  test("refuses an area without the magic number", () => {
    refused(new Uint8Array(32_768), "magic", /primary/);
  });
});

describe("inspectDisk()", () => {
  const inspect = (area: Uint8Array) => inspectDisk(area, RECORDED_UUID);

  test("finds an initialised disk", () =>
    assert.deepEqual(inspect(recordedHeader()), { kind: "initialised", generation: 1 }));

  test("finds an empty disk fresh", () => assert.equal(inspect(new Uint8Array(32_768)).kind, "fresh"));

  test("finds a disk without the token fresh, whatever else it says", () => {
    assert.equal(inspect(freshHeader()).kind, "fresh");
    const nullCipher = changeMetadata(freshHeader(), (m) => (m.segments["0"].encryption = "cipher_null-ecb"));
    assert.equal(inspect(nullCipher).kind, "fresh");
  });

  test("finds a disk fresh whose commit was cut off between the copies", () => {
    const area = freshHeader();
    area.set(recordedHeader().subarray(16_384), 16_384);
    assert.equal(inspect(area).kind, "fresh");
  });

  test("finds a disk fresh whose commit was cut off within a copy", () => {
    const area = freshHeader();
    area.set(recordedHeader().subarray(16_384, 16_384 + 5000), 16_384);
    assert.equal(inspect(area).kind, "fresh");
  });

  test("finds a disk fresh whose formatting was cut off", () => {
    const area = new Uint8Array(32_768);
    area.set(freshHeader().subarray(0, 4500));
    assert.equal(inspect(area).kind, "fresh");
  });

  test("refuses the header of an initialised node that was changed", () => {
    const changed = changeMetadata(recordedHeader(), (m) => (m.segments["0"].encryption = "cipher_null-ecb"));
    assert.throws(() => inspect(changed), { code: "cipher" });
  });

  test("refuses an initialised node's header with one copy wiped", () => {
    const area = recordedHeader();
    area.fill(0, 0, 16_384);
    assert.throws(() => inspect(area), { code: "magic" });
  });

  test("refuses an initialised node's header with both copies damaged", () => {
    const area = recordedHeader();
    for (const offset of [4200, 16_384 + 4200]) area[offset] = (area[offset] ?? 0) ^ 1;
    assert.throws(() => inspect(area), { code: "checksum" });
  });

  const SECOND: readonly CopyName[] = ["secondary"];
  const half = (area: Uint8Array, copy: CopyName): Uint8Array => {
    const at = (copy === "primary" ? 0 : 16_384) + 5_000;
    area[at] = (area[at] ?? 0) ^ 1;
    return area;
  };

  test("finds a change of the key that was cut off before its second header was whole: the old key counts", () => {
    const area = half(rekeyed(recordedHeader(), 2, undefined, SECOND), "secondary");
    assert.deepEqual(inspect(area), { kind: "initialised", generation: 1, broken: "secondary" });
  });

  test("finds a change of the key that was cut off before its first header: the new key counts", () => {
    const area = rekeyed(recordedHeader(), 2, undefined, SECOND);
    assert.deepEqual(inspect(area), { kind: "initialised", generation: 2, broken: "primary" });
  });

  test("finds a change of the key that was cut off within its first header: the new key counts", () => {
    const area = half(rekeyed(recordedHeader(), 2), "primary");
    assert.deepEqual(inspect(area), { kind: "initialised", generation: 2, broken: "primary" });
  });

  const tricks: [string, LuksErrorCode, (area: Uint8Array) => Uint8Array][] = [
    [
      "a second header that is ahead, but of no newer key",
      "copies_differ",
      (area) => changeBytes(area, 16, Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 0), SECOND),
    ],
    [
      "a second header that is ahead with its slot in the same place",
      "copies_differ",
      (area) => rekeyed(area, 2, "417792", SECOND),
    ],
    ["a first header that is ahead", "copies_differ", (area) => rekeyed(area, 2, undefined, ["primary"])],
    [
      "a second header that is ahead with another volume key",
      "copies_differ",
      (area) =>
        changeMetadata(
          rekeyed(area, 2, undefined, SECOND),
          (m) => (m.digests["0"].digest = Buffer.alloc(32).toString("base64")),
          SECOND,
        ),
    ],
    [
      "a second header that is ahead with another cipher",
      "cipher",
      (area) =>
        changeMetadata(
          rekeyed(area, 2, undefined, SECOND),
          (m) => (m.segments["0"].encryption = "cipher_null-ecb"),
          SECOND,
        ),
    ],
    [
      "a damaged first header before a second one with another cipher",
      "cipher",
      (area) =>
        half(
          changeMetadata(area, (m) => (m.segments["0"].encryption = "cipher_null-ecb"), SECOND),
          "primary",
        ),
    ],
  ];
  for (const [what, code, trick] of tricks) {
    test(`refuses ${what}`, () => assert.throws(() => inspect(trick(recordedHeader())), { code }));
  }

  test("replaceCopy() makes a broken header anew of the other one", () => {
    for (const broken of ["primary", "secondary"] as const) {
      const area = half(recordedHeader(), broken);
      replaceCopy(area, broken);
      assert.equal(validateHeader(area, RECORDED_UUID).initialised, true);
    }
  });

  test("refuses the disk of another node", () => {
    assert.throws(() => inspectDisk(recordedHeader(), OTHER_UUID), { code: "uuid" });
  });

  test("refuses a foreign token", () => {
    const area = changeMetadata(freshHeader(), (m) => (m.tokens["0"] = { type: "systemd-tpm2", keyslots: ["0"] }));
    assert.throws(() => inspect(area), { code: "token" });
  });
});
