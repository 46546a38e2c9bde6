import { equalConstantTime, hex } from "@constellation/bytes";
import { type Check, check, expectBytes, expectValue } from "@constellation/verdict";
import type { ValidateCode } from "./check-code.ts";
import type { GuestPolicy } from "./guest-policy.ts";
import type { PlatformInfo } from "./platform-info.ts";
import { expectMinimum, NUMBERS, type Scale } from "./minimum.ts";
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

/**
 * Whether a report is acceptable under a policy. Only for a report that `verifyReport` found genuine, with the product
 * line of its endorsement certificate. Each check bears the name of its field; acceptable where none failed.
 */
export function validateReport(report: Report, product: Product, policy: ReportPolicy): Checks {
  return [
    expectMinimum("report.version", "version", report.version, policy.version, NUMBERS),
    expectMinimum("report.guestSvn", "guest_svn", report.guestSvn, policy.guestSvn, NUMBERS),
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
    expectMinimum(`${name}.abi`, "policy_abi", abi, policy.abi, ABI_VERSIONS),
    expectValue(`${name}.smt`, "policy_smt", got.smt, policy.smt),
    expectValue(`${name}.migrateMa`, "policy_migrate_ma", got.migrateMa, policy.migrateMa),
    expectValue(`${name}.debug`, "policy_debug", got.debug, policy.debug),
    expectValue(`${name}.singleSocket`, "policy_single_socket", got.singleSocket, policy.singleSocket),
    expectValue(`${name}.cxlAllow`, "policy_cxl_allow", got.cxlAllow, policy.cxlAllow),
    expectValue(`${name}.memAes256Xts`, "policy_mem_aes_256_xts", got.memAes256Xts, policy.memAes256Xts),
    expectValue(`${name}.raplDis`, "policy_rapl_dis", got.raplDis, policy.raplDis),
    expectValue(`${name}.ciphertextHiding`, "policy_ciphertext_hiding", got.ciphertextHiding, policy.ciphertextHiding),
    expectValue(`${name}.pageSwapDisable`, "policy_page_swap_disable", got.pageSwapDisable, policy.pageSwapDisable),
  ];
}

/** AMD 56860 section 7.3, PLATFORM_INFO. */
function validatePlatformInfo(got: PlatformInfo, policy: PlatformInfoPolicy): Checks {
  const name = "report.platformInfo";
  return [
    expectValue(`${name}.smtEn`, "platform_info_smt_en", got.smtEn, policy.smtEn),
    expectValue(`${name}.tsmeEn`, "platform_info_tsme_en", got.tsmeEn, policy.tsmeEn),
    expectValue(`${name}.eccEn`, "platform_info_ecc_en", got.eccEn, policy.eccEn),
    expectValue(`${name}.raplDis`, "platform_info_rapl_dis", got.raplDis, policy.raplDis),
    expectValue(
      `${name}.ciphertextHidingDramEn`,
      "platform_info_ciphertext_hiding_dram_en",
      got.ciphertextHidingDramEn,
      policy.ciphertextHidingDramEn,
    ),
    expectValue(
      `${name}.aliasCheckComplete`,
      "platform_info_alias_check_complete",
      got.aliasCheckComplete,
      policy.aliasCheckComplete,
    ),
    expectValue(`${name}.tioEn`, "platform_info_tio_en", got.tioEn, policy.tioEn),
    expectValue(`${name}.reserved`, "platform_info_reserved", got.reserved, policy.reserved),
  ];
}

/** Who made the report, and on whose behalf. AMD 56860 section 7.3, table 23. */
function validateOrigin(report: Report, policy: ReportPolicy): Checks {
  return [
    expectValue("report.vmpl", "vmpl", report.vmpl, policy.vmpl),
    expectValue("report.signingKey", "signing_key", report.signingKey, policy.signingKey),
    expectBytes("report.chipId", "chip_id", report.chipId, policy.chipId),
    expectValue("report.authorKeyEn", "author_key_en", report.authorKeyEn, policy.authorKeyEn),
    expectBytes("report.idKeyDigest", "id_key_digest", report.idKeyDigest, policy.idKeyDigest),
    expectBytes("report.authorKeyDigest", "author_key_digest", report.authorKeyDigest, policy.authorKeyDigest),
    expectBytes("report.familyId", "family_id", report.familyId, policy.familyId),
    expectBytes("report.imageId", "image_id", report.imageId, policy.imageId),
    expectBytes("report.reportIdMa", "report_id_ma", report.reportIdMa, policy.reportIdMa),
  ];
}

/** What the report is about. AMD 56860 section 7.3, table 23. */
function validateContents(report: Report, policy: ReportPolicy): Checks {
  return [
    validateReportData(report.reportData, policy.reportData),
    expectBytes("report.measurement", "measurement", report.measurement, policy.measurement),
    expectBytes("report.hostData", "host_data", report.hostData, policy.hostData),
  ];
}

/** Firmware versions and mitigations. AMD 56860 section 7.3, table 23. */
function validateFirmware(report: Report, policy: ReportPolicy): Checks {
  const { current, committed, launchMitVector, currentMitVector } = report;
  return [
    expectMinimum("report.current", "current_version", current, policy.current, FIRMWARE_VERSIONS),
    expectMinimum("report.committed", "committed_version", committed, policy.committed, FIRMWARE_VERSIONS),
    expectValue(
      "report.provisionalFirmware",
      "provisional_firmware",
      isProvisional(report),
      policy.provisionalFirmware,
    ),
    expectMinimum("report.launchMitVector", "launch_mit_vector", launchMitVector, policy.launchMitVector, BITS),
    expectMinimum("report.currentMitVector", "current_mit_vector", currentMitVector, policy.currentMitVector, BITS),
  ];
}

/** AMD 56860, SNP_COMMIT: firmware that is not committed can be rolled back to the committed version. */
function isProvisional({ current, committed, currentTcb, committedTcb }: Report): boolean {
  return !FIRMWARE_VERSIONS.reaches(committed, current) || !equalConstantTime(currentTcb, committedTcb);
}

/** A prefix that is empty matches nothing: it would accept a report that is bound to nothing. */
function validateReportData(got: Uint8Array, expected: ReportDataExpectation): Check<ValidateCode> {
  const name = "report.reportData";
  if (expected.kind !== "prefix") return expectBytes(name, "report_data", got, expected);
  const matches = expected.anyOf.filter(
    (prefix) => prefix.length > 0 && equalConstantTime(got.subarray(0, prefix.length), prefix),
  );
  const wanted = expected.anyOf.map((prefix) => `${hex(prefix)}...`).join(" or ");
  return check(matches.length > 0, name, "report_data", hex(got), wanted);
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
