import type { Policy } from "@constellation/attestation";
import type { SectionName } from "./sections.ts";

/** A variant of evidence, as policies name it. */
type Variant = Policy["variant"];

/** Sections of `attestation` by the names that the command line has for them, with what each is for. */
export const ATTESTATION_VARIANTS = {
  "aws-nitro-tpm": { section: "awsNitroTPM", variant: "aws-nitro-tpm" },
  "aws-sev-snp": { section: "awsSEVSNP", variant: "aws-sev-snp" },
  "azure-sev-snp": { section: "azureSEVSNP", variant: "azure-sev-snp" },
  "azure-tdx": { section: "azureTDX", variant: "azure-tdx" },
  "azure-trustedlaunch": { section: "azureTrustedLaunch", variant: "azure-trusted-launch" },
  "gcp-sev-es": { section: "gcpSEVES", variant: "gcp-sev-es" },
  "gcp-sev-snp": { section: "gcpSEVSNP", variant: "gcp-sev-snp" },
  "gcp-tdx": { section: "gcpTDX", variant: "gcp-tdx" },
  "qemu-sev-snp": { section: "qemuSEVSNP", variant: "sev-snp" },
  "qemu-tdx": { section: "qemuTDX", variant: "tdx" },
  "qemu-vtpm": { section: "qemuVTPM", variant: "qemu-vtpm" },
} as const satisfies Readonly<Record<string, { readonly section: SectionName; readonly variant: Variant }>>;

/** Name of a variant on the command line. */
export type AttestationVariant = keyof typeof ATTESTATION_VARIANTS;

/** Whether a text names a variant. */
export function isAttestationVariant(text: string): text is AttestationVariant {
  return Object.hasOwn(ATTESTATION_VARIANTS, text);
}

/** Names of all sections. */
export const SECTION_NAMES: readonly SectionName[] = Object.values(ATTESTATION_VARIANTS).map(({ section }) => section);

/** The command line's name of the variant that a section is for. */
export function variantOfSection(section: SectionName): AttestationVariant {
  const names = Object.keys(ATTESTATION_VARIANTS) as AttestationVariant[];
  return names.find((name) => ATTESTATION_VARIANTS[name].section === section) as AttestationVariant;
}
