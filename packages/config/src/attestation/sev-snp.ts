import { fromHex } from "@constellation/bytes";
import type { BoundReportPolicy, BoundSevSnpPolicy } from "@constellation/evidence";
import {
  type MilanGenoaSvns,
  openReportPolicy,
  type ProductPolicies,
  type SigningKey,
  type TurinSvns,
} from "@constellation/sev-snp";
import type { Expectation } from "@constellation/verdict";
import { AMD_ROOTS } from "@constellation/vendor-roots";
import { crlRule } from "./crls.ts";
import { rootsOf } from "./roots.ts";
import type { Section } from "./sections.ts";

/** What all sections of variants on SEV-SNP have. */
type SevSnpSection = Section<"qemuSEVSNP">;

/** How a platform's machines differ from others on SEV-SNP. */
export interface SevSnpPlatformRules {
  readonly signingKey: SigningKey;
  /** Why the launch measurement may be left out. */
  readonly whyNoMeasurement: string;
  readonly idKeyDigest?: Expectation<Uint8Array>;
}

const NOT_JUDGED = {
  kind: "any",
  reason: "not in the configuration: differs between hosts, or changes nothing",
} as const;
const BY_RECORD = {
  kind: "any",
  reason: "what the host bound to the machine is compared with the node records",
} as const;

/** The policy that a section stands for, of reports that are bound to a channel. */
export function sevSnpPolicy(section: SevSnpSection, platform: SevSnpPlatformRules): BoundSevSnpPolicy {
  return {
    roots: rootsOf([section.amdRootKey ?? AMD_ROOTS[section.product]]),
    revocation: section.requireRevocationList
      ? { kind: "required", thisUpdate: crlRule("minimumCrlDate", section.minimumCrlDate) }
      : { kind: "any", reason: "requireRevocationList is false in the configuration" },
    cspId:
      platform.signingKey === "VLEK"
        ? { kind: "any", reason: "AMD gives each provider keys for its own machines only" }
        : { kind: "absent" },
    report: reportPolicy(section, platform),
  };
}

function reportPolicy(section: SevSnpSection, platform: SevSnpPlatformRules): BoundReportPolicy {
  const { reportData: _, ...open } = openReportPolicy(NOT_JUDGED);
  const no = { kind: "equal", anyOf: [false] } as const;
  return {
    ...open,
    policy: { ...open.policy, debug: no, migrateMa: no },
    vmpl: { kind: "equal", anyOf: [0] },
    signingKey: { kind: "equal", anyOf: [platform.signingKey] },
    measurement: launchExpectation(section.launchMeasurements, platform.whyNoMeasurement),
    hostData: BY_RECORD,
    idKeyDigest: platform.idKeyDigest ?? open.idKeyDigest,
    products: products(section),
  };
}

/** The launch measurements of a configuration; an empty list leaves them open, where the rules let it be empty. */
export function launchExpectation(list: readonly string[], whyNot: string): Expectation<Uint8Array> {
  return list.length === 0 ? { kind: "any", reason: whyNot } : { kind: "equal", anyOf: list.map(fromHex) };
}

/** The section's product line from its versions on, also where the host could roll back to; no other line. */
function products(section: SevSnpSection): ProductPolicies {
  const refuse = { kind: "refuse" } as const;
  const svns: MilanGenoaSvns = {
    bootLoader: section.bootloaderVersion,
    tee: section.teeVersion,
    snp: section.snpVersion,
    microcode: section.microcodeVersion,
  };
  const least = <Svns>(value: Svns) => ({ kind: "minimum", reported: value, committed: value, launch: value }) as const;
  const turin: TurinSvns = { fmc: section.fmcVersion, ...svns };
  return {
    Milan: section.product === "Milan" ? least(svns) : refuse,
    Genoa: section.product === "Genoa" ? least(svns) : refuse,
    Turin: section.product === "Turin" ? least(turin) : refuse,
  };
}
