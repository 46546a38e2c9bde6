import { equalConstantTime, hex } from "@constellation/bytes";
import { type About, about, type Check, expectMinimum, NUMBERS, type Scale } from "@constellation/verdict";
import type { ValidateCode } from "./check-code.ts";
import type { GuestPolicy } from "./guest-policy.ts";
import type { PlatformInfo } from "./platform-info.ts";
import type { Product } from "./product.ts";
import type { FirmwareVersion, Report } from "./report.ts";
import type {
  AbiVersion,
  GuestPolicyPolicy,
  PlatformInfoPolicy,
  ReportDataExpectation,
  ReportPolicy,
} from "./report-policy.ts";
import { validateTcb } from "./validate-tcb.ts";

type Checks = readonly Check<ValidateCode>[];

const setting = about("configuration.setting");
const settingDetail = about("configuration.detail");
const binding = about("instance-identity.binding");
const firmwareDetail = about("hardware.detail");
const image = about("executables.detail");
/** The measurement is that of the firmware; whether of more, it does not say. */
const launched = about("executables.firmware");

/**
 * Whether a report is acceptable under a policy. Only for a report that `verifyReport` found genuine, with the product
 * line of its endorsement certificate. Each check bears the name of its field; acceptable where none failed.
 */
export function validateReport(report: Report, product: Product, policy: ReportPolicy): Checks {
  return [
    expectMinimum("hardware.detail", "report.version", "version", report.version, policy.version, NUMBERS),
    expectMinimum("executables.detail", "report.guestSvn", "guest_svn", report.guestSvn, policy.guestSvn, NUMBERS),
    ...validateGuestPolicy(report.policy, policy.policy),
    ...validatePlatformInfo(report.platformInfo, policy.platformInfo),
    ...validateOrigin(report, policy),
    ...validateContents(report, policy),
    ...validateFirmware(report, policy),
    ...validateTcb(report, product, policy.products),
  ];
}

/** AMD 56860 section 4.3, table 9. */
function validateGuestPolicy(got: GuestPolicy, policy: GuestPolicyPolicy): Checks {
  const name = "report.policy";
  const abi = { major: got.abiMajor, minor: got.abiMinor };
  return [
    expectMinimum("configuration.setting", `${name}.abi`, "policy_abi", abi, policy.abi, ABI_VERSIONS),
    setting.expectValue(`${name}.smt`, "policy_smt", got.smt, policy.smt),
    setting.expectValue(`${name}.migrateMa`, "policy_migrate_ma", got.migrateMa, policy.migrateMa),
    debugAspect(got.debug).expectValue(`${name}.debug`, "policy_debug", got.debug, policy.debug),
    setting.expectValue(`${name}.singleSocket`, "policy_single_socket", got.singleSocket, policy.singleSocket),
    setting.expectValue(`${name}.cxlAllow`, "policy_cxl_allow", got.cxlAllow, policy.cxlAllow),
    setting.expectValue(`${name}.memAes256Xts`, "policy_mem_aes_256_xts", got.memAes256Xts, policy.memAes256Xts),
    setting.expectValue(`${name}.raplDis`, "policy_rapl_dis", got.raplDis, policy.raplDis),
    setting.expectValue(
      `${name}.ciphertextHiding`,
      "policy_ciphertext_hiding",
      got.ciphertextHiding,
      policy.ciphertextHiding,
    ),
    setting.expectValue(
      `${name}.pageSwapDisable`,
      "policy_page_swap_disable",
      got.pageSwapDisable,
      policy.pageSwapDisable,
    ),
  ];
}

/** AMD 56860 section 4.3, table 9: with DEBUG the host can decrypt the guest's memory, whether or not that is accepted. */
function debugAspect(debug: boolean): About {
  return about(debug ? "runtime-opaque.debug" : "runtime-opaque.memory");
}

/** AMD 56860 section 7.3, PLATFORM_INFO. */
function validatePlatformInfo(got: PlatformInfo, policy: PlatformInfoPolicy): Checks {
  const name = "report.platformInfo";
  return [
    setting.expectValue(`${name}.smtEn`, "platform_info_smt_en", got.smtEn, policy.smtEn),
    setting.expectValue(`${name}.tsmeEn`, "platform_info_tsme_en", got.tsmeEn, policy.tsmeEn),
    setting.expectValue(`${name}.eccEn`, "platform_info_ecc_en", got.eccEn, policy.eccEn),
    setting.expectValue(`${name}.raplDis`, "platform_info_rapl_dis", got.raplDis, policy.raplDis),
    setting.expectValue(
      `${name}.ciphertextHidingDramEn`,
      "platform_info_ciphertext_hiding_dram_en",
      got.ciphertextHidingDramEn,
      policy.ciphertextHidingDramEn,
    ),
    setting.expectValue(
      `${name}.aliasCheckComplete`,
      "platform_info_alias_check_complete",
      got.aliasCheckComplete,
      policy.aliasCheckComplete,
    ),
    setting.expectValue(`${name}.tioEn`, "platform_info_tio_en", got.tioEn, policy.tioEn),
    setting.expectValue(`${name}.reserved`, "platform_info_reserved", got.reserved, policy.reserved),
  ];
}

/** Who made the report, and on whose behalf. AMD 56860 section 7.3, table 23. */
function validateOrigin(report: Report, policy: ReportPolicy): Checks {
  const migration = report.policy.migrateMa ? setting : settingDetail;
  // With MaskChipId set, every chip shows zeros.
  const isMasked = report.chipId.every((byte) => byte === 0);
  const machine = about(isMasked ? "instance-identity.group" : "instance-identity.machine");
  return [
    setting.expectValue("report.vmpl", "vmpl", report.vmpl, policy.vmpl),
    firmwareDetail.expectValue("report.signingKey", "signing_key", report.signingKey, policy.signingKey),
    machine.expectBytes("report.chipId", "chip_id", report.chipId, policy.chipId),
    image.expectValue("report.authorKeyEn", "author_key_en", report.authorKeyEn, policy.authorKeyEn),
    image.expectBytes("report.idKeyDigest", "id_key_digest", report.idKeyDigest, policy.idKeyDigest),
    image.expectBytes("report.authorKeyDigest", "author_key_digest", report.authorKeyDigest, policy.authorKeyDigest),
    image.expectBytes("report.familyId", "family_id", report.familyId, policy.familyId),
    image.expectBytes("report.imageId", "image_id", report.imageId, policy.imageId),
    migration.expectBytes("report.reportIdMa", "report_id_ma", report.reportIdMa, policy.reportIdMa),
  ];
}

/** What the report is about. AMD 56860 section 7.3, table 23. */
function validateContents(report: Report, policy: ReportPolicy): Checks {
  return [
    validateReportData(report.reportData, policy.reportData),
    launched.expectBytes("report.measurement", "measurement", report.measurement, policy.measurement),
    settingDetail.expectBytes("report.hostData", "host_data", report.hostData, policy.hostData),
  ];
}

/** Firmware versions and mitigations. AMD 56860 section 7.3, table 23. */
function validateFirmware(report: Report, policy: ReportPolicy): Checks {
  const { current, committed, launchMitVector, currentMitVector } = report;
  return [
    expectMinimum("hardware.firmware", "report.current", "current_version", current, policy.current, FIRMWARE_VERSIONS),
    expectMinimum(
      "hardware.detail",
      "report.committed",
      "committed_version",
      committed,
      policy.committed,
      FIRMWARE_VERSIONS,
    ),
    firmwareDetail.expectValue(
      "report.provisionalFirmware",
      "provisional_firmware",
      isProvisional(report),
      policy.provisionalFirmware,
    ),
    expectMinimum(
      "hardware.detail",
      "report.launchMitVector",
      "launch_mit_vector",
      launchMitVector,
      policy.launchMitVector,
      BITS,
    ),
    expectMinimum(
      "hardware.detail",
      "report.currentMitVector",
      "current_mit_vector",
      currentMitVector,
      policy.currentMitVector,
      BITS,
    ),
  ];
}

/** AMD 56860, SNP_COMMIT: firmware that is not committed can be rolled back to the committed version. */
function isProvisional({ current, committed, currentTcb, committedTcb }: Report): boolean {
  return !FIRMWARE_VERSIONS.reaches(committed, current) || !equalConstantTime(currentTcb, committedTcb);
}

/** A prefix that is empty matches nothing: it would accept a report that is bound to nothing. */
function validateReportData(got: Uint8Array, expected: ReportDataExpectation): Check<ValidateCode> {
  const name = "report.reportData";
  if (expected.kind !== "prefix") return binding.expectBytes(name, "report_data", got, expected);
  const matches = expected.anyOf.filter(
    (prefix) => prefix.length > 0 && equalConstantTime(got.subarray(0, prefix.length), prefix),
  );
  const wanted = expected.anyOf.map((prefix) => `${hex(prefix)}...`).join(" or ");
  return binding.check(matches.length > 0, name, "report_data", hex(got), wanted);
}

const ABI_VERSIONS: Scale<AbiVersion> = {
  reaches: (got, least) => (got.major - least.major || got.minor - least.minor) >= 0,
  text: ({ major, minor }) => `${major}.${minor}`,
};

const FIRMWARE_VERSIONS: Scale<FirmwareVersion> = {
  reaches: (got, least) => (got.major - least.major || got.minor - least.minor || got.build - least.build) >= 0,
  text: ({ major, minor, build }) => `${major}.${minor}.${build}`,
};

/** Bits of which all that the bound has must be set. A report without the field has none. */
const BITS: Scale<bigint | undefined> = {
  reaches: (got = 0n, least = 0n) => (got & least) === least,
  text: (value) => (value === undefined ? "none" : `0x${value.toString(16)}`),
};
