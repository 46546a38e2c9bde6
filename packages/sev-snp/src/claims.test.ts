import assert from "node:assert/strict";
import { test } from "node:test";
import { claimsOf } from "./claims.ts";
import { parseReport } from "./report.ts";
import { reportFields, writeReport } from "./testing/report-writer.ts";

const claims = (version: number) =>
  claimsOf(parseReport(writeReport({ ...reportFields("Turin"), version, platformInfo: 0x125n })), "Turin");

test("claimsOf() gives every field in a form that JSON keeps", () => {
  const tcb = { raw: "0102000500000020", fmc: 1, bootLoader: 2, tee: 0, snp: 5, microcode: 32 };
  const wanted = {
    version: 5,
    product: "Turin",
    guestSvn: 3,
    vmpl: 0,
    signatureAlgo: 1,
    authorKeyEn: false,
    maskChipKey: false,
    signingKey: "VCEK",
    current: { major: 1, minor: 58, build: 7 },
    committed: { major: 1, minor: 58, build: 7 },
    policy: {
      raw: "0x30000",
      abiMajor: 0,
      abiMinor: 0,
      smt: true,
      migrateMa: false,
      debug: false,
      singleSocket: false,
      cxlAllow: false,
      memAes256Xts: false,
      raplDis: false,
      ciphertextHiding: false,
      pageSwapDisable: false,
    },
    platformInfo: {
      raw: "0x125",
      smtEn: true,
      tsmeEn: false,
      eccEn: true,
      raplDis: false,
      ciphertextHidingDramEn: false,
      aliasCheckComplete: true,
      tioEn: false,
      reserved: "0x100",
    },
    familyId: "f1".repeat(16),
    imageId: "a1".repeat(16),
    reportData: "da".repeat(64),
    measurement: "3e".repeat(48),
    hostData: "4d".repeat(32),
    idKeyDigest: "1d".repeat(48),
    authorKeyDigest: "a4".repeat(48),
    reportId: "71".repeat(32),
    reportIdMa: "ff".repeat(32),
    chipId: "c1".repeat(8) + "00".repeat(56),
    cpuid: { famId: 0x1a, modId: 0x11, step: 0 },
    currentTcb: tcb,
    reportedTcb: tcb,
    committedTcb: tcb,
    launchTcb: tcb,
    launchMitVector: "0x3",
    currentMitVector: "0x3",
  };
  assert.deepEqual(claims(5), wanted);
  assert.deepEqual(JSON.parse(JSON.stringify(claims(5))), wanted);
});

test("claimsOf() leaves out what older versions do not say", () => {
  const missing = (version: number) =>
    ["cpuid", "launchMitVector", "currentMitVector"].filter((name) => !(name in claims(version)));
  assert.deepEqual(missing(2), ["cpuid", "launchMitVector", "currentMitVector"]);
  assert.deepEqual(missing(3), ["launchMitVector", "currentMitVector"]);
});
