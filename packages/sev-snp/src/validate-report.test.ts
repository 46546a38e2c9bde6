import assert from "node:assert/strict";
import { test } from "node:test";
import { concat } from "@constellation/bytes";
import type { Expectation } from "@constellation/verdict";
import type { ValidateCode } from "./check-code.ts";
import { openReportPolicy } from "./open-policy.ts";
import type { Product } from "./product.ts";
import { parseReport } from "./report.ts";
import type { GuestPolicyPolicy, PlatformInfoPolicy, ReportPolicy } from "./report-policy.ts";
import { type ReportFields, reportFields, writeReport } from "./testing/report-writer.ts";
import { validateReport } from "./validate-report.ts";

const OPEN = openReportPolicy({ kind: "any", reason: "not what this test is about" });
const milan = reportFields("Milan");

type PolicyChange = Partial<Omit<ReportPolicy, "policy" | "platformInfo">> & {
  readonly policy?: Partial<GuestPolicyPolicy>;
  readonly platformInfo?: Partial<PlatformInfoPolicy>;
};

function validate(change: PolicyChange, fields: Partial<ReportFields> = {}, product: Product = "Milan") {
  const policy: ReportPolicy = {
    ...OPEN,
    ...change,
    policy: { ...OPEN.policy, ...change.policy },
    platformInfo: { ...OPEN.platformInfo, ...change.platformInfo },
  };
  return validateReport(parseReport(writeReport({ ...milan, ...fields })), product, policy);
}

/** Asserts that the check of a name is the only one that does not pass by choice, and how it comes out. */
function assertJudged(name: string, code: ValidateCode, change: PolicyChange, holds: boolean, fields = {}): void {
  const judged = validate(change, fields).filter(({ outcome }) => outcome !== "accepted-by-choice");
  assert.deepEqual(
    judged.map((check) => [check.name, check.outcome === "fail" ? check.code : check.outcome]),
    [[name, holds ? "pass" : code]],
  );
}

const equal = <T>(...anyOf: readonly T[]): Expectation<T> => ({ kind: "equal", anyOf });
const least = <T>(value: T) => ({ kind: "minimum", value }) as const;

test("validateReport() tells each field that a policy leaves open, with its reason", () => {
  const checks = validate({});
  assert.ok(checks.every(({ outcome, wanted }) => outcome === "accepted-by-choice" && wanted === "any"));
  assert.deepEqual(
    new Set(checks.map((check) => "reason" in check && check.reason)),
    new Set(["not what this test is about"]),
  );
  assert.deepEqual(
    checks.map(({ name, speaksFor }) => `${name} ${speaksFor}`),
    [
      "report.version hardware.detail",
      "report.guestSvn executables.detail",
      "report.policy.abi configuration.setting",
      "report.policy.smt configuration.setting",
      "report.policy.migrateMa configuration.setting",
      "report.policy.debug runtime-opaque.memory",
      "report.policy.singleSocket configuration.setting",
      "report.policy.cxlAllow configuration.setting",
      "report.policy.memAes256Xts configuration.setting",
      "report.policy.raplDis configuration.setting",
      "report.policy.ciphertextHiding configuration.setting",
      "report.policy.pageSwapDisable configuration.setting",
      "report.platformInfo.smtEn configuration.setting",
      "report.platformInfo.tsmeEn configuration.setting",
      "report.platformInfo.eccEn configuration.setting",
      "report.platformInfo.raplDis configuration.setting",
      "report.platformInfo.ciphertextHidingDramEn configuration.setting",
      "report.platformInfo.aliasCheckComplete configuration.setting",
      "report.platformInfo.tioEn configuration.setting",
      "report.platformInfo.reserved configuration.setting",
      "report.vmpl configuration.setting",
      "report.signingKey hardware.detail",
      "report.chipId instance-identity.machine",
      "report.authorKeyEn executables.detail",
      "report.idKeyDigest executables.detail",
      "report.authorKeyDigest executables.detail",
      "report.familyId executables.detail",
      "report.imageId executables.detail",
      "report.reportIdMa configuration.detail",
      "report.reportData instance-identity.binding",
      "report.measurement executables.firmware",
      "report.hostData configuration.detail",
      "report.current hardware.firmware",
      "report.committed hardware.detail",
      "report.provisionalFirmware hardware.detail",
      "report.launchMitVector hardware.detail",
      "report.currentMitVector hardware.detail",
      "report.reportedTcb hardware.firmware",
      "report.committedTcb hardware.firmware",
      "report.launchTcb hardware.firmware",
    ],
  );
});

const GUEST_POLICY_BITS: readonly (readonly [Exclude<keyof GuestPolicyPolicy, "abi">, ValidateCode, bigint])[] = [
  ["smt", "policy_smt", 16n],
  ["migrateMa", "policy_migrate_ma", 18n],
  ["debug", "policy_debug", 19n],
  ["singleSocket", "policy_single_socket", 20n],
  ["cxlAllow", "policy_cxl_allow", 21n],
  ["memAes256Xts", "policy_mem_aes_256_xts", 22n],
  ["raplDis", "policy_rapl_dis", 23n],
  ["ciphertextHiding", "policy_ciphertext_hiding", 24n],
  ["pageSwapDisable", "policy_page_swap_disable", 25n],
];

for (const [field, code, bit] of GUEST_POLICY_BITS) {
  test(`validateReport() judges report.policy.${field}`, () => {
    const name = `report.policy.${field}`;
    const base = 1n << 17n;
    for (const set of [true, false]) {
      const fields = { policy: set ? base | (1n << bit) : base };
      assertJudged(name, code, { policy: { [field]: equal(set) } }, true, fields);
      assertJudged(name, code, { policy: { [field]: equal(!set) } }, false, fields);
      assertJudged(name, code, { policy: { [field]: equal() } }, false, fields);
    }
  });
}

const PLATFORM_INFO_BITS: readonly (readonly [Exclude<keyof PlatformInfoPolicy, "reserved">, ValidateCode, bigint])[] =
  [
    ["smtEn", "platform_info_smt_en", 0n],
    ["tsmeEn", "platform_info_tsme_en", 1n],
    ["eccEn", "platform_info_ecc_en", 2n],
    ["raplDis", "platform_info_rapl_dis", 3n],
    ["ciphertextHidingDramEn", "platform_info_ciphertext_hiding_dram_en", 4n],
    ["aliasCheckComplete", "platform_info_alias_check_complete", 5n],
    ["tioEn", "platform_info_tio_en", 7n],
  ];

for (const [field, code, bit] of PLATFORM_INFO_BITS) {
  test(`validateReport() judges report.platformInfo.${field}`, () => {
    const name = `report.platformInfo.${field}`;
    for (const set of [true, false]) {
      const fields = { platformInfo: set ? 1n << bit : 0n };
      assertJudged(name, code, { platformInfo: { [field]: equal(set) } }, true, fields);
      assertJudged(name, code, { platformInfo: { [field]: equal(!set) } }, false, fields);
    }
  });
}

test("validateReport() judges report.platformInfo.reserved", () => {
  const name = "report.platformInfo.reserved";
  const change = { platformInfo: { reserved: equal(0n) } };
  assertJudged(name, "platform_info_reserved", change, true, { platformInfo: 0xbfn });
  for (const platformInfo of [1n << 6n, 1n << 8n, 1n << 63n]) {
    assertJudged(name, "platform_info_reserved", change, false, { platformInfo });
  }
});

test("validateReport() judges report.policy.abi as one version", () => {
  const judge = (major: number, minor: number, holds: boolean) =>
    assertJudged("report.policy.abi", "policy_abi", { policy: { abi: least({ major, minor }) } }, holds, {
      policy: 0x20137n,
    });
  judge(1, 0x37, true);
  judge(1, 0x36, true);
  judge(0, 0xff, true);
  judge(1, 0x38, false);
  judge(2, 0, false);
});

const NUMBERS: readonly (readonly ["version" | "guestSvn", ValidateCode, number])[] = [
  ["version", "version", 5],
  ["guestSvn", "guest_svn", 3],
];

for (const [field, code, value] of NUMBERS) {
  test(`validateReport() judges report.${field} by its lower bound`, () => {
    assertJudged(`report.${field}`, code, { [field]: least(value) }, true);
    assertJudged(`report.${field}`, code, { [field]: least(value - 1) }, true);
    assertJudged(`report.${field}`, code, { [field]: least(value + 1) }, false);
  });
}

test("validateReport() judges report.vmpl", () => {
  assertJudged("report.vmpl", "vmpl", { vmpl: equal(0) }, true);
  assertJudged("report.vmpl", "vmpl", { vmpl: equal(1, 2, 3) }, false);
  assertJudged("report.vmpl", "vmpl", { vmpl: equal(0, 1, 2, 3) }, false, { vmpl: 0xffff_ffff });
});

test("validateReport() judges report.signingKey", () => {
  const both = { signingKey: equal("VCEK" as const, "VLEK" as const) };
  assertJudged("report.signingKey", "signing_key", both, true);
  assertJudged("report.signingKey", "signing_key", { signingKey: equal("VLEK" as const) }, false);
  assertJudged("report.signingKey", "signing_key", both, false, { keyInfo: 0b11100 });
});

test("validateReport() judges report.authorKeyEn", () => {
  assertJudged("report.authorKeyEn", "author_key_en", { authorKeyEn: equal(false) }, true);
  assertJudged("report.authorKeyEn", "author_key_en", { authorKeyEn: equal(false) }, false, { keyInfo: 1 });
});

const BYTES = [
  ["chipId", "chip_id"],
  ["idKeyDigest", "id_key_digest"],
  ["authorKeyDigest", "author_key_digest"],
  ["familyId", "family_id"],
  ["imageId", "image_id"],
  ["reportIdMa", "report_id_ma"],
  ["reportData", "report_data"],
  ["measurement", "measurement"],
  ["hostData", "host_data"],
] as const;

for (const [field, code] of BYTES) {
  test(`validateReport() judges report.${field}`, () => {
    const value = milan[field];
    const other = Uint8Array.from(value);
    other[value.length - 1] = (value.at(-1) as number) ^ 1;
    assertJudged(`report.${field}`, code, { [field]: equal(value) }, true);
    assertJudged(`report.${field}`, code, { [field]: equal(other, value) }, true);
    assertJudged(`report.${field}`, code, { [field]: equal(other) }, false);
    assertJudged(`report.${field}`, code, { [field]: equal(value.subarray(1)) }, false);
    assertJudged(`report.${field}`, code, { [field]: equal() }, false);
  });
}

test("validateReport() judges report.reportData by a prefix", () => {
  const value = Uint8Array.from({ length: 64 }, (_, index) => index);
  const judge = (anyOf: readonly Uint8Array[], holds: boolean) =>
    assertJudged("report.reportData", "report_data", { reportData: { kind: "prefix", anyOf } }, holds, {
      reportData: value,
    });
  judge([value], true);
  judge([value.subarray(0, 1)], true);
  judge([Uint8Array.of(9), value.subarray(0, 32)], true);
  judge([value.subarray(1, 32)], false);
  judge([Uint8Array.of(9)], false);
  judge([concat(value, Uint8Array.of(64))], false);
  judge([new Uint8Array(0)], false);
  judge([], false);
});

for (const [field, code] of [
  ["current", "current_version"],
  ["committed", "committed_version"],
] as const) {
  test(`validateReport() judges report.${field} as one version`, () => {
    const judge = (major: number, minor: number, build: number, holds: boolean) =>
      assertJudged(`report.${field}`, code, { [field]: least({ major, minor, build }) }, holds);
    judge(1, 58, 7, true);
    judge(1, 58, 6, true);
    judge(1, 57, 200, true);
    judge(0, 99, 200, true);
    judge(1, 58, 8, false);
    judge(1, 59, 0, false);
    judge(2, 0, 0, false);
  });
}

test("validateReport() judges whether firmware or TCB is provisional", () => {
  const judge = (fields: Partial<ReportFields>, provisional: boolean) => {
    const name = "report.provisionalFirmware";
    assertJudged(name, "provisional_firmware", { provisionalFirmware: equal(provisional) }, true, fields);
    assertJudged(name, "provisional_firmware", { provisionalFirmware: equal(!provisional) }, false, fields);
  };
  judge({}, false);
  judge({ current: { major: 1, minor: 58, build: 8 } }, true);
  judge({ currentTcb: Uint8Array.of(4, 0, 0, 0, 0, 0, 24, 220) }, true);
});

for (const [field, code] of [
  ["launchMitVector", "launch_mit_vector"],
  ["currentMitVector", "current_mit_vector"],
] as const) {
  test(`validateReport() wants all bits of the bound in report.${field}`, () => {
    const judge = (wanted: bigint, holds: boolean, fields: Partial<ReportFields> = {}) =>
      assertJudged(`report.${field}`, code, { [field]: least(wanted) }, holds, fields);
    judge(0b11n, true);
    judge(0b01n, true);
    judge(0b100n, false);
    judge(0b101n, false);
    judge(0b01n, false, { version: 3 });
    judge(0n, true, { version: 3 });
  });
}

test("validateReport() shows what it got and wanted", () => {
  const [mitigations] = validate({ currentMitVector: least(4n) }, { version: 3 }).filter(
    ({ outcome }) => outcome === "fail",
  );
  assert.deepEqual(mitigations, {
    name: "report.currentMitVector",
    outcome: "fail",
    speaksFor: "hardware.detail",
    code: "current_mit_vector",
    got: "none",
    wanted: "0x4 or more",
  });
  const versions = { current: least({ major: 1, minor: 2, build: 3 }), policy: { abi: least({ major: 4, minor: 5 }) } };
  const judged = validate(versions, { policy: 0x20607n }).filter(({ outcome }) => outcome !== "accepted-by-choice");
  assert.deepEqual(
    judged.map(({ name, got, wanted }) => [name, got, wanted]),
    [
      ["report.policy.abi", "6.7", "4.5 or more"],
      ["report.current", "1.58.7", "1.2.3 or more"],
    ],
  );
});

const MIGRATE_MA = 1n << 18n;
const DEBUG = 1n << 19n;

/** POLICY with a bit set or clear (AMD 56860 section 4.3, table 9). */
function withBit(bit: bigint, isSet: boolean): bigint {
  return isSet ? milan.policy | bit : milan.policy & ~bit;
}

test("validateReport() says that the host can look into a guest with debugging, accepted or not", () => {
  const aspectOf = (debug: boolean, change: PolicyChange): string | undefined => {
    const checks = validate(change, { policy: withBit(DEBUG, debug) });
    return checks.find(({ name }) => name === "report.policy.debug")?.speaksFor;
  };
  for (const change of [{}, { policy: { debug: equal(true, false) } }]) {
    assert.equal(aspectOf(true, change), "runtime-opaque.debug");
    assert.equal(aspectOf(false, change), "runtime-opaque.memory");
  }
});

test("validateReport() wants a migration agent to be known where there may be one", () => {
  const aspectOf = (migrateMa: boolean): string | undefined => {
    const checks = validate({}, { policy: withBit(MIGRATE_MA, migrateMa) });
    return checks.find(({ name }) => name === "report.reportIdMa")?.speaksFor;
  };
  assert.deepEqual([aspectOf(true), aspectOf(false)], ["configuration.setting", "configuration.detail"]);
});

test("validateReport() tells no machine by a chip ID that the host masks", () => {
  const aspectOf = (chipId: Uint8Array): string | undefined => {
    const checks = validate({ chipId: equal(chipId) }, { chipId });
    return checks.find(({ name }) => name === "report.chipId")?.speaksFor;
  };
  assert.equal(aspectOf(milan.chipId), "instance-identity.machine");
  assert.equal(aspectOf(new Uint8Array(64).fill(1, 1)), "instance-identity.machine");
  assert.equal(aspectOf(new Uint8Array(64)), "instance-identity.group");
});
