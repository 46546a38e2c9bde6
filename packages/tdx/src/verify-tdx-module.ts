import { equalConstantTime, hex } from "@constellation/bytes";
import { about } from "@constellation/verdict";
import type { Check } from "./check.ts";
import { equalUnderMask } from "./masked.ts";
import type { TcbInfo, TdxModule, TdxModuleIdentity } from "./tcb-info.ts";
import type { TdReport } from "./td-report.ts";

const { check, fail, pass } = about("hardware.genuine");

/** Every check of the TDX module's identity, in the order of the verdict. */
export const TDX_MODULE_CHECKS: readonly string[] = ["tdxModule.id", "tdxModule.mrsigner", "tdxModule.attributes"];

/** What is wanted of a TDX module; the identity where modules of its major version have one. */
export interface TdxModuleResult {
  readonly checks: readonly Check[];
  readonly identity: TdxModuleIdentity | undefined;
}

/**
 * Verifies that the TDX module is one that Intel signed and that runs as it should (Intel PCS API v4, Get TDX TCB Info,
 * step 4; TCB info V3, tdxModule and tdxModuleIdentities).
 */
export function verifyTdxModule(body: TdReport, tcbInfo: TcbInfo): TdxModuleResult {
  const version = moduleVersion(body.TEE_TCB_SVN);
  if (version === 0) {
    return { checks: verifyModule(body, tcbInfo.tdxModule, '"tdxModule" for version 0'), identity: undefined };
  }
  const identity = findModuleIdentity(tcbInfo, version);
  return { checks: verifyModule(body, identity, `"${moduleId(version)}"`), identity };
}

/** The major version of the TDX module of these SVNs. */
export function moduleVersion(teeTcbSvn: Uint8Array): number {
  return teeTcbSvn[1] as number;
}

/** The identity of the TDX modules of a major version. */
export function findModuleIdentity({ tdxModuleIdentities }: TcbInfo, version: number): TdxModuleIdentity | undefined {
  return tdxModuleIdentities.find(({ id }) => id === moduleId(version));
}

function moduleId(version: number): string {
  return `TDX_${version.toString(16).toUpperCase().padStart(2, "0")}`;
}

function verifyModule({ MRSIGNERSEAM, SEAMATTRIBUTES }: TdReport, module: TdxModule | undefined, id: string): Check[] {
  if (module === undefined) return [fail("tdxModule.id", "tdx_module_unknown", { got: "none", wanted: id })];
  const { mrsigner, attributes, attributesMask } = module;
  const isIntel = equalConstantTime(MRSIGNERSEAM, mrsigner);
  const hasAttributes = equalUnderMask(SEAMATTRIBUTES, attributesMask, attributes);
  const wanted = `${hex(attributes)} under mask ${hex(attributesMask)}`;
  return [
    pass("tdxModule.id", { got: id }),
    check(isIntel, "tdxModule.mrsigner", "tdx_module_mrsigner", hex(MRSIGNERSEAM), hex(mrsigner)),
    check(hasAttributes, "tdxModule.attributes", "tdx_module_attributes", hex(SEAMATTRIBUTES), wanted),
  ];
}
