import { equalConstantTime, hex } from "@constellation/bytes";
import { expectation, type Field, FLAG, object } from "@constellation/fields";
import {
  HclError,
  type HclReport,
  parseHclReport,
  parseRuntimeClaims,
  type ReportType,
  reportDataOf,
  type RuntimeClaims,
} from "@constellation/hcl";
import { about, type Check, type Expectation } from "@constellation/verdict";
import { type AttestationKey, verifyAkPublic } from "@constellation/vtpm";
import { complete, type Judgement, prefixed } from "./judgement.ts";
import { judgeSevSnp, SEV_SNP_POLICY, type SevSnpJudgement, type SevSnpParts, type SevSnpPolicy } from "./sev-snp.ts";
import { judgeTdx, TDX_POLICY, type TdxJudgement, type TdxParts, type TdxPolicy } from "./tdx.ts";
import { judgeQuotes, QUOTES_POLICY, type QuotesPolicy, type VtpmParts } from "./vtpm.ts";

/** The paravisor's report says nothing on hardware: the hardware's evidence inside does. */
const { check, fail, pass } = about("hardware.evidence");
const setting = about("configuration.setting");

/** Evidence of the virtual TPM of an Azure confidential machine, and of the paravisor that runs it. */
interface AzureParts extends Pick<VtpmParts, "quotes" | "eventLog"> {
  /** NV index 0x01400001: the paravisor's report. */
  readonly hclReport: Uint8Array;
}

/** Evidence of an Azure machine on SEV-SNP; the report is inside the paravisor's. */
export interface AzureSevSnpParts extends AzureParts, Omit<SevSnpParts, "report"> {}

/** Evidence of an Azure machine on TDX; the quote is made of the TDREPORT inside the paravisor's report. */
export interface AzureTdxParts extends AzureParts, TdxParts {}

/** What is accepted of the paravisor's word on the machine. Total: every field is stated. */
export interface VmConfigurationPolicy {
  readonly secureBoot: Expectation<boolean>;
  readonly tpmEnabled: Expectation<boolean>;
  /** A serial console, which whoever runs the host can read and write. */
  readonly consoleEnabled: Expectation<boolean>;
}

interface AzurePolicy {
  readonly vmConfiguration: VmConfigurationPolicy;
  readonly vtpm: QuotesPolicy;
}

/** What is accepted of an Azure machine on SEV-SNP. Its report data is bound to the paravisor's claims in any case. */
export interface AzureSevSnpPolicy extends AzurePolicy {
  readonly sevSnp: SevSnpPolicy;
}

/** What is accepted of an Azure machine on TDX. Its report data is bound to the paravisor's claims in any case. */
export interface AzureTdxPolicy extends AzurePolicy {
  readonly tdx: TdxPolicy;
}

const flag = expectation(FLAG);

/** {@link VmConfigurationPolicy} as a document. */
export const VM_CONFIGURATION_POLICY: Field<VmConfigurationPolicy> = object<VmConfigurationPolicy>({
  secureBoot: flag,
  tpmEnabled: flag,
  consoleEnabled: flag,
});

const AZURE_FIELDS = { vmConfiguration: VM_CONFIGURATION_POLICY, vtpm: QUOTES_POLICY };

/** {@link AzureSevSnpPolicy} as a document. */
export const AZURE_SEV_SNP_POLICY: Field<AzureSevSnpPolicy> = object<AzureSevSnpPolicy>({
  sevSnp: SEV_SNP_POLICY,
  ...AZURE_FIELDS,
});

/** {@link AzureTdxPolicy} as a document. */
export const AZURE_TDX_POLICY: Field<AzureTdxPolicy> = object<AzureTdxPolicy>({ tdx: TDX_POLICY, ...AZURE_FIELDS });

/** Judges an Azure machine on SEV-SNP: report, paravisor, and the quote of its virtual TPM. */
export function judgeAzureSevSnp(
  parts: AzureSevSnpParts,
  policy: AzureSevSnpPolicy,
  now: Date,
): AzureJudgement & { readonly sevSnp: SevSnpJudgement } {
  const hcl = readHcl(parts.hclReport, "sev-snp");
  const report = hcl.report?.hwReport ?? new Uint8Array();
  const hardware = judgeSevSnp({ ...parts, report }, policy.sevSnp, now);
  const reportData = hardware.genuine?.report.reportData;
  return { ...judgeAzure(parts, policy, hcl, { name: "sevSnp", ...hardware, reportData }), sevSnp: hardware };
}

/** Judges an Azure machine on TDX: quote, paravisor, and the quote of its virtual TPM. */
export function judgeAzureTdx(
  parts: AzureTdxParts,
  policy: AzureTdxPolicy,
  now: Date,
): AzureJudgement & { readonly tdx: TdxJudgement } {
  const hcl = readHcl(parts.hclReport, "tdx");
  const hardware = judgeTdx(parts, policy.tdx, now);
  const reportData = hardware.quote?.body.REPORTDATA;
  const tdReport = hcl.report?.reportType === "tdx" ? [verifyTdReport(hcl.report)] : [];
  const checks = [...complete([TD_REPORT_CHECK], tdReport), ...hardware.checks];
  return { ...judgeAzure(parts, policy, hcl, { name: "tdx", ...hardware, checks, reportData }), tdx: hardware };
}

/** What came of reading the paravisor's report. */
export interface HclReading {
  readonly checks: readonly Check[];
  readonly report?: HclReport;
  readonly claims?: RuntimeClaims;
}

/** Reads the paravisor's report, which must be around this kind of hardware's evidence; any where none is stated. */
export function readHcl(bytes: Uint8Array, wanted: ReportType | undefined): HclReading {
  let report: HclReport;
  try {
    report = parseHclReport(bytes);
  } catch (error) {
    return { checks: [hclFailure("hcl", error)] };
  }
  const { reportType, variableData } = report;
  const format = pass("hcl", { got: `version ${report.version}` });
  const type = check(
    wanted === undefined || reportType === wanted,
    "hcl.reportType",
    "hcl_report_type",
    reportType,
    wanted ?? "any",
  );
  try {
    const claims = parseRuntimeClaims(variableData);
    return { checks: [format, type, pass("hcl.runtimeClaims")], report, claims };
  } catch (error) {
    return { checks: [format, type, hclFailure("hcl.runtimeClaims", error)], report };
  }
}

function hclFailure(name: string, error: unknown): Check {
  if (!(error instanceof HclError)) throw error;
  return fail(name, error.code, { reason: error.message });
}

/** What judging an Azure machine gives. */
export interface AzureJudgement extends Judgement {
  /** What the paravisor says of the machine, where it could be read. */
  readonly vmConfiguration?: RuntimeClaims["vmConfiguration"];
}

interface Hardware extends Judgement {
  readonly name: string;
  readonly reportData: Uint8Array | undefined;
}

const HCL_CHECKS = ["hcl", "hcl.reportType", "hcl.runtimeClaims"];
const TD_REPORT_CHECK = "hcl.tdReport";

function judgeAzure(parts: AzureParts, policy: AzurePolicy, hcl: HclReading, hardware: Hardware): AzureJudgement {
  const { report, claims } = hcl;
  const bound = report && hardware.reportData ? [verifyReportData(report, hardware.reportData)] : [];
  const ak = claims && akOf(claims);
  const quotes = judgeQuotes(parts, policy.vtpm, ak?.attestationKey);
  return {
    // A report of SEV-SNP is inside the paravisor's: where that can't be read, it is the reason for what follows.
    checks: [
      ...complete(HCL_CHECKS, hcl.checks),
      ...hardware.checks,
      ...complete(["hcl.reportData"], bound),
      ...(claims ? validateVmConfiguration(claims, policy.vmConfiguration) : []),
      // A TD has a quote, too.
      ...prefixed("vtpm", [...(ak?.checks ?? []), ...quotes.checks]),
    ],
    claims: {
      [hardware.name]: hardware.claims,
      ...(claims && { vmConfiguration: claims.vmConfiguration as Judgement["claims"] }),
      ...quotes.claims,
    },
    ...(claims && { vmConfiguration: claims.vmConfiguration }),
  };
}

/** The hardware vouches for the paravisor's claims, and so for the attestation key among them. */
export function verifyReportData(report: HclReport, reportData: Uint8Array): Check {
  const wanted = reportDataOf(report);
  const holds = equalConstantTime(reportData, wanted);
  return check(holds, "hcl.reportData", "runtime_data_mismatch", hex(reportData), hex(wanted));
}

/** Where REPORTDATA is in a TDREPORT (Intel TDX Module ABI Specification, REPORTMACSTRUCT). */
const TD_REPORT_DATA = { start: 128, end: 192 };

/** The report data of the TDREPORT in a paravisor's report. */
export function tdReportDataOf({ hwReport }: HclReport): Uint8Array {
  return hwReport.subarray(TD_REPORT_DATA.start, TD_REPORT_DATA.end);
}

/**
 * The quote is made of this TDREPORT, whose MAC can be checked on its own CPU only: what it says of the claims must be what
 * the quote says. One of other claims is of another boot, or damaged.
 */
function verifyTdReport(report: HclReport): Check {
  return { ...verifyReportData(report, tdReportDataOf(report)), name: TD_REPORT_CHECK };
}

function akOf({ ak }: RuntimeClaims): { checks: Check[]; attestationKey?: AttestationKey } {
  const vouchedBy = "the paravisor, whose measured code runs the virtual TPM";
  const { modulus, exponent } = ak;
  return verifyAkPublic({ format: "rsa", modulus, exponent, vouchedBy });
}

function validateVmConfiguration({ vmConfiguration }: RuntimeClaims, policy: VmConfigurationPolicy): Check[] {
  const judge = (name: string, expected: Expectation<boolean>): Check => {
    const got = vmConfiguration[name];
    const path = `vmConfiguration.${name}`;
    const code = `vm_configuration_${name.replaceAll("-", "_")}`;
    if (typeof got === "boolean") return setting.expectValue(path, code, got, expected);
    if (expected.kind === "any") return setting.open(path, expected.reason, { got: "not stated" });
    return setting.fail(path, code, { got: "not stated", wanted: expected.anyOf.join(" or ") });
  };
  return [
    judge("secure-boot", policy.secureBoot),
    judge("tpm-enabled", policy.tpmEnabled),
    judge("console-enabled", policy.consoleEnabled),
  ];
}
