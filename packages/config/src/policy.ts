import { clusterRegisterOf, type ClusterRegister, type Policy, type QemuVtpmPolicy } from "@constellation/attestation";
import { hex } from "@constellation/bytes";
import { type PlatformSectionName, platformPolicy } from "./attestation/platform-policy.ts";
import { type Membership, membershipValues } from "./attestation/registers.ts";
import type { Measurements, SectionName } from "./attestation/sections.ts";
import { ATTESTATION_VARIANTS, type AttestationVariant, variantOfSection } from "./attestation/variants.ts";
import type { Config } from "./config-schema.ts";
import { CLUSTER_PCR, PCR_COUNT, reasonNotStated } from "./measurements.ts";
import { recordedNodes } from "./recorded-nodes.ts";
import type { State } from "./state-schema.ts";

type PcrRules = QemuVtpmPolicy["pcrs"];
type PcrRule = PcrRules[keyof PcrRules];

/** Which machines a policy admits. */
export type AdmittedNodes = "control-planes" | "all";

/** What a policy is for. */
export interface PolicyPurpose {
  /** What machines may show of a cluster: that they belong to none, or to one of these. See {@link FRESH_NODE}. */
  readonly members: readonly Membership[];
  readonly admit: AdmittedNodes;
}

/** A node that belongs to no cluster yet. */
export const FRESH_NODE: readonly Membership[] = ["fresh"];

/** The variant of evidence that a configuration asks for. */
export function attestationVariant(config: Config): AttestationVariant {
  return variantOfSection(sectionOf(config).name);
}

/**
 * The attestation policy that a configuration and the recorded machines stand for. Total (T3): every field is stated,
 * and each that may have any value says why.
 */
export function attestationPolicy(config: Config, state: State, purpose: PolicyPurpose): Policy {
  const { name, section } = sectionOf(config);
  const admitted = recordedNodes(state).filter((node) => purpose.admit === "all" || node.role === "control-plane");
  const machines = admitted.map((node) => node.ekDigest);
  const { members } = purpose;
  if (name !== "qemuVTPM") return platformPolicy(name, section as never, { machines, members });
  const { endorsementCA = "" } = state.infrastructure.qemu ?? {};
  return {
    variant: "qemu-vtpm",
    endorsementRoots: endorsementCA === "" ? [] : [endorsementCA],
    pcrs: pcrRules(statedMeasurements(config), members),
    endorsements: { kind: "anyOf", ekDigests: machines },
  };
}

/** Expected values of registers as the configuration states them; none on a variant without registers. */
export function statedMeasurements(config: Config): Measurements {
  const { section } = sectionOf(config);
  return (section as { measurements?: Measurements }).measurements ?? {};
}

type NamedSection = { readonly name: PlatformSectionName | "qemuVTPM"; readonly section: object };

/** The one section that the rules of a configuration let it have. */
function sectionOf({ attestation }: Config): NamedSection {
  const [stated] = Object.entries(attestation).filter(([, section]) => section !== undefined);
  const [name, section] = stated as [SectionName, object];
  return { name, section };
}

function pcrRules(measurements: Measurements, members: readonly Membership[]): PcrRules {
  const rules: Record<string, PcrRule> = {};
  const register = clusterRegisterOf(ATTESTATION_VARIANTS["qemu-vtpm"].variant) as ClusterRegister;
  for (let index = 0; index < PCR_COUNT; index++) {
    rules[index] =
      index === CLUSTER_PCR
        ? { kind: "equal", anyOf: membershipValues(register, members).map(hex) }
        : pcrRule(measurements, index);
  }
  return rules as PcrRules;
}

function pcrRule(measurements: Measurements, index: number): PcrRule {
  const measurement = measurements[index];
  if (measurement === undefined) return { kind: "any", reason: reasonNotStated(index) };
  if (measurement.warnOnly) return { kind: "any", reason: "warnOnly in the configuration" };
  return { kind: "equal", anyOf: [measurement.expected] };
}
