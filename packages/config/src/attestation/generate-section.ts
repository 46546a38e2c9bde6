import { CLUSTER_PCR, type ImageMeasurements, REQUIRED_PCRS, ZERO_PCR } from "../measurements.ts";
import { ATTESTATION_VARIANTS, type AttestationVariant } from "./variants.ts";

/** Stands for a measurement that neither image nor program knows; a configuration with it is refused. */
const PLACEHOLDER = "1234".repeat(24);
/** Stands for a version that only the vendor knows; a configuration with it is refused. */
const LATEST = "latest";

const SEV_SNP = {
  product: "Milan",
  bootloaderVersion: LATEST,
  teeVersion: LATEST,
  snpVersion: LATEST,
  microcodeVersion: LATEST,
  requireRevocationList: true,
};
const TDX = { acceptedTcbStatuses: ["UpToDate"], minimumTcbEvaluationDataNumber: 0 };

/** The section of a new configuration, under its name. */
export function attestationSection(
  name: AttestationVariant,
  image: ImageMeasurements,
): Readonly<Record<string, object>> {
  return { [ATTESTATION_VARIANTS[name].section]: sectionOf(name, numericKeys(measurementEntries(image))) };
}

type Entries = ReadonlyMap<number, { readonly expected: string; readonly warnOnly: boolean }>;

function sectionOf(name: AttestationVariant, measurements: Entries): object {
  switch (name) {
    case "aws-sev-snp":
      return { measurements: placeholders(REQUIRED_PCRS), ...SEV_SNP };
    case "aws-nitro-tpm":
      return { measurements: placeholders(REQUIRED_PCRS) };
    case "azure-sev-snp":
    case "gcp-sev-snp":
      return { measurements, ...SEV_SNP };
    case "azure-tdx":
      return { measurements, ...TDX, launchMeasurements: [PLACEHOLDER] };
    case "gcp-tdx":
      return { measurements, ...TDX };
    case "azure-trustedlaunch":
      return { measurements, tpmRootKeys: [] };
    case "gcp-sev-es":
    case "qemu-vtpm":
      return { measurements };
    case "qemu-sev-snp":
      return { ...SEV_SNP, launchMeasurements: [PLACEHOLDER] };
    case "qemu-tdx":
      return { measurements: placeholders([1, 2]), ...TDX, launchMeasurements: [PLACEHOLDER] };
  }
}

function placeholders(indices: readonly number[]): Entries {
  return new Map(indices.map((index) => [index, { expected: PLACEHOLDER, warnOnly: false }]));
}

/** Measurements of an image as a configuration has them; the cluster's register is empty on a fresh node. */
export function measurementEntries(measurements: ImageMeasurements) {
  const entries: Record<number, { expected: string; warnOnly: boolean }> = {};
  for (const [index, expected] of Object.entries({ ...measurements, [CLUSTER_PCR]: ZERO_PCR })) {
    entries[Number(index)] = { expected, warnOnly: false };
  }
  return entries;
}

function numericKeys<Entry>(entries: Record<number, Entry>): Map<number, Entry> {
  return new Map(Object.entries(entries).map(([index, entry]) => [Number(index), entry]));
}
