import type { QemuVtpmPolicy } from "@constellation/attestation";
import type { Config } from "./config-schema.ts";
import { CLUSTER_PCR, PCR_COUNT, ZERO_PCR } from "./measurements.ts";
import type { State } from "./state-schema.ts";

type PcrRules = QemuVtpmPolicy["pcrs"];
type PcrRule = PcrRules[keyof PcrRules];

/** Which machines a policy admits. */
export type AdmittedNodes = "control-planes" | "all";

/** What a policy is for. */
export interface PolicyPurpose {
  /** Values that PCR 15 may have, 64 hexadecimal digits each; see {@link FRESH_NODE} and `clusterIdPcr`. */
  readonly clusterPcr: readonly string[];
  readonly admit: AdmittedNodes;
}

/** PCR 15 of a node that belongs to no cluster yet. */
export const FRESH_NODE: readonly string[] = [ZERO_PCR];

/**
 * The attestation policy that a configuration and the recorded machines stand for. Total (T3): all 16 registers are
 * stated, and each that may have any value says why.
 */
export function attestationPolicy(config: Config, state: State, purpose: PolicyPurpose): QemuVtpmPolicy {
  const qemu = state.infrastructure.qemu;
  const admitted = (qemu?.nodes ?? []).filter((node) => purpose.admit === "all" || node.role === "control-plane");
  return {
    variant: "qemu-vtpm",
    endorsementRoots: qemu === undefined || qemu.endorsementCA === "" ? [] : [qemu.endorsementCA],
    pcrs: pcrRules(config, purpose.clusterPcr),
    endorsements: { kind: "anyOf", ekDigests: admitted.map((node) => node.ekDigest) },
  };
}

function pcrRules(config: Config, clusterPcr: readonly string[]): PcrRules {
  const rules: Record<string, PcrRule> = {};
  for (let index = 0; index < PCR_COUNT; index++) {
    rules[index] = index === CLUSTER_PCR ? { kind: "equal", anyOf: [...clusterPcr] } : pcrRule(config, index);
  }
  return rules as PcrRules;
}

function pcrRule(config: Config, index: number): PcrRule {
  const measurement = config.attestation.qemuVTPM.measurements[index];
  if (measurement === undefined) return { kind: "any", reason: reasonNotStated(index) };
  if (measurement.warnOnly) return { kind: "any", reason: "warnOnly in the configuration" };
  return { kind: "equal", anyOf: [measurement.expected] };
}

// Usage of registers: TCG PC Client Platform Firmware Profile 1.06, section 3.3.4; Linux TPM PCR Registry.
const REASONS: Readonly<Record<number, string>> = {
  0: "firmware code, supplied by the machine",
  1: "firmware configuration, differs between machines",
  2: "option ROMs, supplied by the machine",
  3: "configuration of option ROMs, differs between machines",
  5: "partition table and boot configuration, differ between machines",
  6: "events of the machine's maker",
  7: "Secure Boot keys, which this variant does not use",
  8: "boot loader commands, of which this image has none",
  10: "Linux IMA, which this image does not use",
  14: "shim's keys, which this image does not use",
};

function reasonNotStated(index: number): string {
  return `not in the configuration's measurements: ${REASONS[index] ?? "no expected value is known"}`;
}
