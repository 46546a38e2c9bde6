import {
  clusterRegisterOf,
  type ClusterRegister,
  type PlatformPolicy,
  type PlatformVariant,
} from "@constellation/attestation";
import { fromHex } from "@constellation/bytes";
import { GCP_EK_AK_ROOT } from "@constellation/vendor-roots";
import type { Expectation } from "@constellation/verdict";
import { expectation, type Membership, memberExpectation } from "./registers.ts";
import type { Section, SectionName } from "./sections.ts";
import { sevSnpPolicy } from "./sev-snp.ts";
import { tdxPolicy } from "./tdx.ts";
import { nitroPolicy, quotesPolicy, vtpmPolicy } from "./tpm.ts";

/** Sections of variants of real hardware. */
export type PlatformSectionName = Exclude<SectionName, "qemuVTPM">;

type Parts<V extends PlatformVariant> = Omit<Extract<PlatformPolicy, { readonly variant: V }>, "machines">;
type SectionsOf = { readonly [Name in PlatformSectionName]: Section<Name> };
type Builder<Name extends PlatformSectionName> = (
  section: SectionsOf[Name],
  members: readonly Membership[],
) => Parts<PlatformVariant>;

const CLOUD_FIRMWARE =
  "launchMeasurements is empty in the configuration: firmware is the cloud's, and the image is in the TPM's registers";
const TPM_INSTEAD = { kind: "any", reason: "the same is in the TPM's registers" } as const;
const CLOUD_TD = {
  RTMR0: TPM_INSTEAD,
  RTMR1: TPM_INSTEAD,
  RTMR2: TPM_INSTEAD,
  RTMR3: TPM_INSTEAD,
  whyNoMeasurement: CLOUD_FIRMWARE,
};
const CLOUD_VCEK = { signingKey: "VCEK", whyNoMeasurement: CLOUD_FIRMWARE } as const;
const ALWAYS_STATED = "the configuration's rules ask for one";

/** What Azure's paravisor says of the machine: a console is a way in for whoever runs the host. */
const VM_CONFIGURATION = {
  secureBoot: { kind: "any", reason: "the node image is in the TPM's registers, with or without signature" },
  tpmEnabled: { kind: "equal", anyOf: [true] },
  consoleEnabled: { kind: "any", reason: "nodes take no commands from a console" },
} as const;

const BUILDERS: { readonly [Name in PlatformSectionName]: Builder<Name> } = {
  awsSEVSNP: (section, members) => ({
    variant: "aws-sev-snp",
    sevSnp: sevSnpPolicy(section, { signingKey: "VLEK", whyNoMeasurement: CLOUD_FIRMWARE }),
    nitroTpm: nitroPolicy(section, "aws-sev-snp", members),
  }),
  awsNitroTPM: (section, members) => ({
    variant: "aws-nitro-tpm",
    nitroTpm: nitroPolicy(section, "aws-nitro-tpm", members),
  }),
  azureSEVSNP: (section, members) => ({
    variant: "azure-sev-snp",
    azure: {
      sevSnp: sevSnpPolicy(section, { ...CLOUD_VCEK, idKeyDigest: firmwareSigner(section) }),
      vmConfiguration: VM_CONFIGURATION,
      vtpm: quotesPolicy(section.measurements, "azure-sev-snp", members),
    },
  }),
  azureTDX: (section, members) => ({
    variant: "azure-tdx",
    azure: {
      tdx: tdxPolicy(section, { ...CLOUD_TD, whyNoMeasurement: ALWAYS_STATED }),
      vmConfiguration: VM_CONFIGURATION,
      vtpm: quotesPolicy(section.measurements, "azure-tdx", members),
    },
  }),
  azureTrustedLaunch: ({ measurements, tpmRootKeys: roots }, members) => ({
    variant: "azure-trusted-launch",
    vtpm: vtpmPolicy(measurements, "azure-trusted-launch", { roots, members }),
  }),
  gcpSEVES: (section, members) => ({ variant: "gcp-sev-es", vtpm: gcpTpm(section, "gcp-sev-es", members) }),
  gcpSEVSNP: (section, members) => ({
    variant: "gcp-sev-snp",
    sevSnp: sevSnpPolicy(section, CLOUD_VCEK),
    vtpm: gcpTpm(section, "gcp-sev-snp", members),
  }),
  gcpTDX: (section, members) => ({
    variant: "gcp-tdx",
    tdx: tdxPolicy(section, CLOUD_TD),
    vtpm: gcpTpm(section, "gcp-tdx", members),
  }),
  qemuSEVSNP: (section) => ({
    variant: "sev-snp",
    sevSnp: sevSnpPolicy(section, { signingKey: "VCEK", whyNoMeasurement: ALWAYS_STATED }),
  }),
  qemuTDX: (section, members) => ({
    variant: "tdx",
    tdx: tdxPolicy(section, {
      RTMR0: expectation(section.measurements, 0, "not in the configuration's measurements: differs between machines"),
      RTMR1: expectation(section.measurements, 1),
      RTMR2: expectation(section.measurements, 2),
      RTMR3: memberExpectation(clusterRegisterOf("tdx") as ClusterRegister, members),
      whyNoMeasurement: ALWAYS_STATED,
    }),
  }),
};

/** The total policy that a section stands for: these machines, fresh or of these clusters. */
export function platformPolicy<Name extends PlatformSectionName>(
  name: Name,
  section: Section<Name>,
  { machines, members }: { readonly machines: readonly string[]; readonly members: readonly Membership[] },
): PlatformPolicy {
  const parts = BUILDERS[name](section as SectionsOf[Name], members);
  return { ...parts, machines: { kind: "anyOf", digests: machines.map(fromHex) } } as unknown as PlatformPolicy;
}

function gcpTpm(
  { measurements, tpmRootKeys = [GCP_EK_AK_ROOT] }: Section<"gcpSEVES">,
  variant: PlatformVariant,
  members: readonly Membership[],
) {
  return vtpmPolicy(measurements, variant, { roots: tpmRootKeys, members });
}

function firmwareSigner({ firmwareSignerConfig }: Section<"azureSEVSNP">): Expectation<Uint8Array> {
  const { acceptedKeyDigests, enforcementPolicy } = firmwareSignerConfig;
  if (enforcementPolicy === "warnOnly") return { kind: "any", reason: "warnOnly in the configuration" };
  return { kind: "equal", anyOf: acceptedKeyDigests.map(fromHex) };
}
