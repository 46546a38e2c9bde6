export { type CertificateRole, type CertificateTableEntry, parseCertificateTable } from "./certificate-table.ts";
export type { EndorsementCode, ValidateCode, VerifyCode } from "./check-code.ts";
export { claimsOf, type ReportClaims, type TcbClaims } from "./claims.ts";
export type { Endorsement } from "./endorsement.ts";
export { SevSnpError, type SevSnpErrorCode } from "./error.ts";
export type { GuestPolicy } from "./guest-policy.ts";
export { caChainUrl, crlUrl, type EndorsementKind, vcekUrl } from "./kds-url.ts";
export type { KeyInfo, SigningKey } from "./key-info.ts";
export { type DirectBoot, hashDirectBoot, type KernelHashes } from "./launch/kernel-hashes.ts";
export { type LaunchInput, predictLaunchMeasurement } from "./launch/predict-launch-measurement.ts";
export { type VcpuModel, vcpuModelSignature, vcpuSignature } from "./launch/vcpu-signature.ts";
export type { Vmm } from "./launch/vmm.ts";
export { openReportPolicy } from "./open-policy.ts";
export type { PlatformInfo } from "./platform-info.ts";
export { type Cpuid, type Product, productOfCpuid, productOfName } from "./product.ts";
export { type FirmwareVersion, parseReport, type Report, REPORT_BYTES, type ReportVersion } from "./report.ts";
export type {
  AbiVersion,
  GuestPolicyPolicy,
  MilanGenoaSvns,
  PlatformInfoPolicy,
  ProductPolicies,
  ProductPolicy,
  ReportDataExpectation,
  ReportPolicy,
  TurinSvns,
} from "./report-policy.ts";
export type { RawSignature } from "./report-signature.ts";
export { decodeTcbVersion, type TcbComponent, type TcbVersion, tcbVersionText } from "./tcb-version.ts";
export { type CspIdExpectation, newestCrlUpdate, validateCrlAge, validateCspId } from "./validate-endorsement.ts";
export { validateReport } from "./validate-report.ts";
export type { Revocation } from "./verify-endorsement.ts";
export { VERIFY_CHECKS, type VerifiedReport, verifyReport, type VerifyReportInput } from "./verify-report.ts";
