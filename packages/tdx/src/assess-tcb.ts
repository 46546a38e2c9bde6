import { about, type FailedCheck } from "@constellation/verdict";
import { laggingComponents, matchPlatformLevel, matchSgxLevel, type PlatformSvns } from "./assess-platform.ts";
import type { Check, CheckCode } from "./check.ts";
import type { PckTcb } from "./pck-extensions.ts";
import type { QeIdentity } from "./qe-identity.ts";
import type { LaggingComponent, TcbAssessment, TcbPart } from "./tcb-assessment.ts";
import type { PlatformTcbLevel, TcbInfo, TdxModuleIdentity } from "./tcb-info.ts";
import { type IsvSvnLevel, matchIsvSvnLevel, type TcbLevel } from "./tcb-level.ts";
import { convergeTcbStatus, isOutOfDate, type TcbStatus } from "./tcb-status.ts";
import type { TdReport } from "./td-report.ts";
import { findModuleIdentity, moduleVersion } from "./verify-tdx-module.ts";

const { fail, pass } = about("hardware.firmware");

/** What a TCB status is made of; all of it verified. */
export interface TcbEvidence {
  readonly body: TdReport;
  readonly tcb: PckTcb;
  /** ISVSVN of the QE report. */
  readonly qeIsvSvn: number;
  readonly tcbInfo: TcbInfo;
  readonly qeIdentity: QeIdentity;
  /** For TDX modules with a major version of 1 or more. */
  readonly moduleIdentity: TdxModuleIdentity | undefined;
}

/** The assessment; none where a part meets no level at all. */
export interface TcbResult {
  readonly checks: readonly Check[];
  readonly tcb?: TcbAssessment;
}

/** Every check of the TCB level, in the order of the verdict. What status is good enough is for the policy to say. */
export const TCB_CHECKS: readonly string[] = ["tcb.platform", "tcb.tdxModule", "tcb.qe"];

type PartResult = { readonly part: TcbPart; readonly check: Check } | { readonly part?: never; readonly check: Check };

/** Finds the TCB status of a platform (Intel PCS API v4, Get TDX TCB Info, and Enclave Identity, step 5). */
export function assessTcb(evidence: TcbEvidence): TcbResult {
  const platform = assessPlatform(evidence);
  const tdxModule = assessModule(evidence);
  const qe = assessIsvSvn("tcb.qe", "qe_tcb_level", evidence.qeIdentity.tcbLevels, evidence.qeIsvSvn);
  const checks = [
    platform.check,
    tdxModule?.check ?? pass("tcb.tdxModule", { got: "judged with the platform" }),
    qe.check,
  ];
  if (!platform.part || !qe.part || (tdxModule && !tdxModule.part)) return { checks };
  return { checks, tcb: converge(evidence, platform.part, tdxModule?.part, qe.part) };
}

function converge(
  evidence: TcbEvidence,
  platform: TcbPart,
  tdxModule: TcbPart | undefined,
  qe: TcbPart,
): TcbAssessment {
  const others = tdxModule ? [tdxModule, qe] : [qe];
  const parts = [platform, ...others];
  return {
    tcbStatus: convergeTcbStatus([platform.tcbStatus, ...others.map((part) => part.tcbStatus)]),
    tcbDate: new Date(Math.min(...parts.map((part) => part.tcbDate.getTime()))),
    advisoryIDs: Array.from(new Set(parts.flatMap(({ advisoryIDs }) => advisoryIDs))),
    tcbEvaluationDataNumber: {
      tcbInfo: evidence.tcbInfo.tcbEvaluationDataNumber,
      qeIdentity: evidence.qeIdentity.tcbEvaluationDataNumber,
    },
    platform,
    ...(tdxModule && { tdxModule }),
    qe,
    relaunchAdvised: isRelaunchAdvised(evidence, platform, tdxModule, qe),
  };
}

function assessPlatform({ body, tcb, tcbInfo: { tcbLevels } }: TcbEvidence): PartResult {
  const svns: PlatformSvns = { tcb, teeTcbSvn: body.TEE_TCB_SVN };
  const lagging = tcbLevels[0] ? laggingComponents(tcbLevels[0], svns) : [];
  return partOf("tcb.platform", "platform_tcb_level", matchPlatformLevel(tcbLevels, svns), tcbLevels, lagging);
}

/** Step 4: the SVN of a TDX module with a major version is the one at index 0. */
function assessModule({ body, moduleIdentity }: TcbEvidence): PartResult | undefined {
  if (moduleIdentity === undefined) return undefined;
  const isvsvn = body.TEE_TCB_SVN[0] as number;
  return assessIsvSvn("tcb.tdxModule", "tdx_module_tcb_level", moduleIdentity.tcbLevels, isvsvn);
}

function assessIsvSvn(name: string, code: CheckCode, levels: readonly IsvSvnLevel[], isvsvn: number): PartResult {
  const wanted = levels[0]?.isvsvn ?? 0;
  const lagging = isvsvn < wanted ? [{ component: "isvsvn", got: isvsvn, wanted }] : [];
  return partOf(name, code, matchIsvSvnLevel(levels, isvsvn), levels, lagging);
}

function partOf(
  name: string,
  code: CheckCode,
  level: TcbLevel | undefined,
  levels: readonly TcbLevel[],
  lagging: readonly LaggingComponent[],
): PartResult {
  const [newest] = levels;
  if (level === undefined || newest === undefined) return { check: belowAllLevels(name, code, lagging) };
  const { tcbStatus, tcbDate, advisoryIDs } = level;
  const newestLevel = { tcbStatus: newest.tcbStatus, tcbDate: newest.tcbDate };
  const behind = lagging.length === 0 ? "" : `, behind in ${lagging.map(laggingText).join(", ")}`;
  return {
    part: { tcbStatus, tcbDate, advisoryIDs, lagging, newestLevel },
    check: pass(name, { got: `"${tcbStatus}"${behind}`, wanted: "a level that Intel lists" }),
  };
}

function belowAllLevels(name: string, code: CheckCode, lagging: readonly LaggingComponent[]): FailedCheck<CheckCode> {
  const got = lagging.length === 0 ? "no level" : lagging.map(laggingText).join(", ");
  return fail(name, code, { got, wanted: "a level that Intel lists" });
}

function laggingText({ component, got, wanted }: LaggingComponent): string {
  return `${component} ${got} of ${wanted}`;
}

/**
 * Whether all that is old is the TDX module that the TD was started under (Intel TDX DCAP Quote Verification Library
 * API, TD relaunch: the QE and the SGX TCB are not out of date, the platform's TDX components and the module are, and
 * TEE_TCB_SVN_2 is at the newest level).
 */
function isRelaunchAdvised(
  { body, tcb, tcbInfo }: TcbEvidence,
  platform: TcbPart,
  tdxModule: TcbPart | undefined,
  qe: TcbPart,
): boolean {
  if (body.tdxVersion !== "1.5" || tdxModule?.tcbStatus !== "OutOfDate") return false;
  // There is one, as a platform that meets a level meets its SGX part.
  const sgx = matchSgxLevel(tcbInfo.tcbLevels, tcb) as PlatformTcbLevel;
  const others: TcbStatus[] = [qe.tcbStatus, sgx.tcbStatus];
  const othersAreFine = others.every((status) => status !== "Revoked" && !isOutOfDate(status));
  return platform.tcbStatus !== "Revoked" && othersAreFine && isNewest(body.TEE_TCB_SVN_2, tcbInfo);
}

/** Whether SVNs are at the newest level: of the TDX module, and of the late microcode update at index 2. */
function isNewest(teeTcbSvn: Uint8Array, tcbInfo: TcbInfo): boolean {
  const [module, , microcode] = (tcbInfo.tcbLevels[0] as PlatformTcbLevel).tdxtcbcomponents.map(({ svn }) => svn);
  const version = moduleVersion(teeTcbSvn);
  const identity = findModuleIdentity(tcbInfo, version);
  const wanted = version === 0 ? module : identity?.tcbLevels[0]?.isvsvn;
  if (wanted === undefined) return false;
  return (teeTcbSvn[0] as number) >= wanted && (teeTcbSvn[2] as number) >= (microcode as number);
}
