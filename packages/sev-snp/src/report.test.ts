import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SevSnpError } from "./error.ts";
import { parseReport, REPORT_BYTES } from "./report.ts";
import { type ReportFields, reportFields, writeReport } from "./testing/report-writer.ts";

const milan = reportFields("Milan");

/** A sound report with some fields changed. */
function report(fields: Partial<ReportFields> = {}): Uint8Array {
  return writeReport({ ...milan, ...fields });
}

/** A sound report with one byte changed. */
function patched(version: number, offset: number, value: number): Uint8Array {
  const bytes = report({ version });
  bytes[offset] = value;
  return bytes;
}

test("parseReport() reads every field of a version 5 report", () => {
  const signatureBytes = Uint8Array.from({ length: 144 }, (_, index) => index + 1);
  const bytes = report({
    vmpl: 0xffffffff,
    guestSvn: 0xfffffffe,
    current: { major: 1, minor: 58, build: 9 },
    committed: { major: 1, minor: 57, build: 8 },
    currentTcb: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    committedTcb: Uint8Array.of(2, 2, 3, 4, 5, 6, 7, 8),
    launchTcb: Uint8Array.of(3, 2, 3, 4, 5, 6, 7, 8),
    reportedTcb: Uint8Array.of(4, 2, 3, 4, 5, 6, 7, 8),
    launchMitVector: 0x8000000000000001n,
    currentMitVector: 0x8000000000000003n,
  });
  bytes.set(signatureBytes, 0x2a0);
  const { signed, signature, policy, platformInfo, ...others } = parseReport(bytes);
  assert.deepEqual(others, {
    version: 5,
    guestSvn: 0xfffffffe,
    familyId: milan.familyId,
    imageId: milan.imageId,
    vmpl: 0xffffffff,
    signatureAlgo: 1,
    currentTcb: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    authorKeyEn: false,
    maskChipKey: false,
    signingKey: "VCEK",
    reportData: milan.reportData,
    measurement: milan.measurement,
    hostData: milan.hostData,
    idKeyDigest: milan.idKeyDigest,
    authorKeyDigest: milan.authorKeyDigest,
    reportId: milan.reportId,
    reportIdMa: milan.reportIdMa,
    reportedTcb: Uint8Array.of(4, 2, 3, 4, 5, 6, 7, 8),
    cpuid: { famId: 0x19, modId: 1, step: 1 },
    chipId: milan.chipId,
    committedTcb: Uint8Array.of(2, 2, 3, 4, 5, 6, 7, 8),
    current: { major: 1, minor: 58, build: 9 },
    committed: { major: 1, minor: 57, build: 8 },
    launchTcb: Uint8Array.of(3, 2, 3, 4, 5, 6, 7, 8),
    launchMitVector: 0x8000000000000001n,
    currentMitVector: 0x8000000000000003n,
  });
  assert.deepEqual(signed, bytes.subarray(0, 0x2a0));
  assert.deepEqual(signature, { r: signatureBytes.subarray(0, 72), s: signatureBytes.subarray(72) });
  assert.equal(policy.raw, 0x30000n);
  assert.equal(platformInfo.raw, 0x25n);
});

test("parseReport() reads what versions 2 and 3 have", () => {
  const second = parseReport(report({ version: 2 }));
  assert.equal(second.version, 2);
  assert.equal("cpuid" in second || "launchMitVector" in second || "currentMitVector" in second, false);
  const third = parseReport(report({ version: 3 }));
  assert.equal(third.version, 3);
  assert.deepEqual(third.cpuid, milan.cpuid);
  assert.equal("launchMitVector" in third || "currentMitVector" in third, false);
});

test("parseReport() reads each bit of POLICY", () => {
  const bits = {
    smt: 16n,
    migrateMa: 18n,
    debug: 19n,
    singleSocket: 20n,
    cxlAllow: 21n,
    memAes256Xts: 22n,
    raplDis: 23n,
    ciphertextHiding: 24n,
    pageSwapDisable: 25n,
  } as const;
  const none = Object.fromEntries(Object.keys(bits).map((name) => [name, false]));
  for (const [name, bit] of Object.entries(bits)) {
    const raw = (1n << 17n) | (1n << bit);
    const { policy } = parseReport(report({ policy: raw }));
    assert.deepEqual(policy, { ...none, raw, abiMajor: 0, abiMinor: 0, [name]: true });
  }
  const { abiMajor, abiMinor } = parseReport(report({ policy: 0x2a137n | (1n << 17n) })).policy;
  assert.deepEqual([abiMajor, abiMinor], [0xa1, 0x37]);
});

test("parseReport() refuses POLICY without bit 17 or with a reserved bit", () => {
  const wrong = [0n, 0x10000n, ...Array.from({ length: 38 }, (_, index) => (1n << 17n) | (1n << BigInt(index + 26)))];
  for (const policy of wrong) {
    assert.throws(() => parseReport(report({ policy })), { code: "report_reserved", message: /POLICY/ });
  }
});

test("parseReport() reads each bit of PLATFORM_INFO and keeps those without a meaning", () => {
  const bits = {
    smtEn: 0n,
    tsmeEn: 1n,
    eccEn: 2n,
    raplDis: 3n,
    ciphertextHidingDramEn: 4n,
    aliasCheckComplete: 5n,
    tioEn: 7n,
  } as const;
  const none = { ...Object.fromEntries(Object.keys(bits).map((name) => [name, false])), reserved: 0n };
  for (const [name, bit] of Object.entries(bits)) {
    const raw = 1n << bit;
    assert.deepEqual(parseReport(report({ platformInfo: raw })).platformInfo, { ...none, raw, [name]: true });
  }
  const raw = (1n << 63n) | (1n << 8n) | (1n << 6n);
  assert.deepEqual(parseReport(report({ platformInfo: raw })).platformInfo, { ...none, raw, reserved: raw });
});

test("parseReport() reads AUTHOR_KEY_EN, MASK_CHIP_KEY and SIGNING_KEY", () => {
  const keyInfo = (raw: number) => {
    const { authorKeyEn, maskChipKey, signingKey } = parseReport(report({ keyInfo: raw }));
    return { authorKeyEn, maskChipKey, signingKey };
  };
  assert.deepEqual(keyInfo(0b00001), { authorKeyEn: true, maskChipKey: false, signingKey: "VCEK" });
  assert.deepEqual(keyInfo(0b00010), { authorKeyEn: false, maskChipKey: true, signingKey: "VCEK" });
  assert.deepEqual(keyInfo(0b00100), { authorKeyEn: false, maskChipKey: false, signingKey: "VLEK" });
  assert.deepEqual(keyInfo(0b11111), { authorKeyEn: true, maskChipKey: true, signingKey: "none" });
});

test("parseReport() refuses a reserved SIGNING_KEY and reserved bits beside it", () => {
  const signingKeys = [2, 3, 4, 5, 6].map((value) => value << 2);
  const bits = Array.from({ length: 27 }, (_, index) => 2 ** (index + 5));
  for (const keyInfo of [...signingKeys, ...bits]) {
    assert.throws(() => parseReport(report({ keyInfo })), { code: "report_reserved", message: /0x48/ });
  }
});

test("parseReport() refuses every length but 1184 bytes", () => {
  const bytes = report();
  const wrong = [new Uint8Array(0), bytes.subarray(0, REPORT_BYTES - 1), new Uint8Array(REPORT_BYTES + 1)];
  for (const one of wrong) assert.throws(() => parseReport(one), { name: "SevSnpError", code: "report_length" });
});

test("parseReport() refuses versions that it does not know", () => {
  for (const version of [0, 1, 4, 6, 0x0200_0000]) {
    assert.throws(() => parseReport(report({ version })), {
      code: "report_version",
      message: `Parse report failed: got version "${version}", wanted 2, 3 or 5`,
    });
  }
});

test("parseReport() refuses a byte that is set in a reserved field of the version", () => {
  const everywhere = [0x04c, 0x04f, 0x18b, 0x19f, 0x1eb, 0x1ef, 0x208, 0x29f, 0x330, 0x49f];
  const only2 = [0x188, 0x18a];
  const before5 = [0x1f8, 0x200, 0x207];
  const reserved = { 2: [...everywhere, ...only2, ...before5], 3: [...everywhere, ...before5], 5: everywhere };
  for (const [version, offsets] of Object.entries(reserved)) {
    for (const offset of offsets) {
      assert.throws(() => parseReport(patched(Number(version), offset, 0x80)), {
        code: "report_reserved",
        message: `Parse report failed: got 0x80 in a reserved field at 0x${offset.toString(16)}, wanted zero`,
      });
    }
  }
});

test("parseReport() gives a result that later changes of the input do not reach", () => {
  const bytes = Buffer.from(report());
  const { measurement, signed } = parseReport(bytes);
  bytes.fill(0);
  assert.deepEqual(measurement, milan.measurement);
  assert.equal(signed[0], 5);
});

test("parseReport() throws nothing but SevSnpError", () => {
  const random = fc.uint8Array({ minLength: 0, maxLength: REPORT_BYTES + 8 });
  const shaped = fc
    .tuple(fc.constantFrom(2, 3, 5), fc.uint8Array({ minLength: REPORT_BYTES, maxLength: REPORT_BYTES }))
    .map(([version, bytes]) => Uint8Array.of(version, 0, 0, 0, ...bytes.subarray(4)));
  fc.assert(
    fc.property(fc.oneof(random, shaped), (bytes) => {
      try {
        parseReport(bytes);
      } catch (error) {
        assert.ok(error instanceof SevSnpError);
      }
    }),
  );
});
