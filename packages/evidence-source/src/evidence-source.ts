import {
  type AttestationError,
  type ClusterRegister,
  type Evidence,
  parseEvidence,
  type PlatformEvidence,
  type PlatformVariant,
  serializeEvidence,
} from "@constellation/attestation";
import { EvidenceSourceError } from "./error.ts";
import { DEFAULT_METADATA_OPTIONS, MetadataClient, type MetadataOptions } from "./metadata/metadata-client.ts";
import { azureSevSnpPart, azureTdxPart } from "./parts/azure.ts";
import { nitroTpmPart } from "./parts/nitro-tpm.ts";
import type { PartSource } from "./parts/part-source.ts";
import { sevSnpPart } from "./parts/sev-snp.ts";
import { parsedQuote, tdxPart } from "./parts/tdx.ts";
import { vtpmPart } from "./parts/vtpm.ts";
import type { SourceDependencies } from "./system/dependencies.ts";
import { extendRegister } from "./register/extend-register.ts";
import { requireOwnRegisters } from "./register/own-registers.ts";
import { Mutex } from "./system/mutex.ts";
import { azureKey, gcpKey } from "./tpm/attestation-key.ts";
import { SharedTpm } from "./tpm/shared-tpm.ts";

/** Where a machine's evidence comes from. */
export interface EvidenceSource {
  readonly variant: PlatformVariant;
  /**
   * Evidence bound to 64 bytes of report data, as `parseEvidence` reads it. One at a time: callers wait in line.
   * Throws `EvidenceSourceError`, or the signal's reason where the caller ended it.
   */
  readonly issue: (reportData: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;
  /**
   * Evidence for this machine's own eyes, bound to nothing: where its host makes it, with registers that the kernel
   * confirms. Throws `EvidenceSourceError`, or the signal's reason.
   */
  readonly own: (signal: AbortSignal) => Promise<PlatformEvidence>;
  /**
   * Extends the variant's cluster register with a digest of its hash; it stays so until the machine is booted anew.
   * Not for a variant without such a register. Throws `EvidenceSourceError`, or the signal's reason.
   */
  readonly extend: (register: ClusterRegister, digest: Uint8Array, signal: AbortSignal) => Promise<void>;
}

/** What a program decides about its source. */
export interface EvidenceSourceOptions {
  /** Name of the kernel's report entry: of this program alone, since an entry of that name is taken as left behind. */
  readonly reportEntry: string;
  /** The metadata service; {@link DEFAULT_METADATA_OPTIONS} on a real machine. */
  readonly metadata: MetadataOptions;
}

/** On a real machine. */
export const DEFAULT_SOURCE_OPTIONS: EvidenceSourceOptions = {
  reportEntry: "constellation-node",
  metadata: DEFAULT_METADATA_OPTIONS,
};

const REPORT_DATA_BYTES = 64;

type EvidenceOf<V extends PlatformVariant> = Extract<PlatformEvidence, { readonly variant: V }>;
/** The parts of a variant's evidence, each with its source. */
type PartSources<V extends PlatformVariant> = {
  readonly [P in Exclude<keyof EvidenceOf<V>, "variant">]: PartSource<EvidenceOf<V>[P]>;
};

/**
 * The source of a variant's evidence on this machine; nothing is asked of the machine before evidence is. Endorsements
 * that the machine cannot have are left empty: the verifier adds them from @constellation/endorsements.
 */
export function createEvidenceSource(
  variant: PlatformVariant,
  options: EvidenceSourceOptions,
  dependencies: SourceDependencies,
): EvidenceSource {
  const tpm = new SharedTpm(dependencies.openTpm);
  const sources = Object.entries(partSources(options, dependencies, tpm)[variant]()) as [string, PartSource<unknown>][];
  const mutex = new Mutex();
  const issue = async (reportData: Uint8Array, signal: AbortSignal): Promise<Uint8Array> => {
    requireReportData(reportData);
    const parts: Record<string, unknown> = {};
    for (const [name, gather] of sources) {
      signal.throwIfAborted();
      parts[name] = await gather(reportData, signal);
    }
    return sealed({ variant, ...parts } as PlatformEvidence);
  };
  const { files } = dependencies;
  const own = async (signal: AbortSignal): Promise<PlatformEvidence> => {
    const evidence = parseEvidence(await issue(new Uint8Array(REPORT_DATA_BYTES), signal)) as PlatformEvidence;
    // Of clouds' TDs a TPM says who they are, and Azure's part compares the quote with the paravisor's report.
    if (evidence.variant === "tdx") await requireOwnRegisters(parsedQuote(evidence.tdx.quote).body, files);
    return evidence;
  };
  return {
    variant,
    issue: (reportData, signal) => mutex.run(() => issue(reportData, signal)),
    own: (signal) => mutex.run(() => own(signal)),
    extend: (register, digest, signal) => mutex.run(() => extendRegister(register, digest, { files, tpm }, signal)),
  };
}

function partSources(
  { reportEntry, metadata: metadataOptions }: EvidenceSourceOptions,
  dependencies: SourceDependencies,
  tpm: SharedTpm,
): { readonly [V in PlatformVariant]: () => PartSources<V> } {
  const { files, clock } = dependencies;
  const metadata = new MetadataClient(metadataOptions, dependencies);
  const azure = { files, clock, tpm, metadata };
  const sevSnp = (): PartSource<EvidenceOf<"sev-snp">["sevSnp"]> => sevSnpPart(reportEntry, dependencies);
  const tdx = (): PartSource<EvidenceOf<"tdx">["tdx"]> => tdxPart(reportEntry, dependencies);
  const gcpVtpm = (): PartSource<EvidenceOf<"gcp-sev-es">["vtpm"]> => vtpmPart(gcpKey, tpm, files);
  return {
    "sev-snp": () => ({ sevSnp: sevSnp() }),
    tdx: () => ({ tdx: tdx() }),
    "aws-sev-snp": () => ({ sevSnp: sevSnp(), nitroTpm: nitroTpmPart(tpm) }),
    "aws-nitro-tpm": () => ({ nitroTpm: nitroTpmPart(tpm) }),
    "azure-sev-snp": () => ({ azure: azureSevSnpPart(azure) }),
    "azure-tdx": () => ({ azure: azureTdxPart(azure) }),
    "azure-trusted-launch": () => ({ vtpm: vtpmPart(azureKey, tpm, files) }),
    "gcp-sev-snp": () => ({ sevSnp: sevSnp(), vtpm: gcpVtpm() }),
    "gcp-tdx": () => ({ tdx: tdx(), vtpm: gcpVtpm() }),
    "gcp-sev-es": () => ({ vtpm: gcpVtpm() }),
  };
}

function requireReportData(reportData: Uint8Array): void {
  if (reportData.length === REPORT_DATA_BYTES) return;
  throw new EvidenceSourceError(
    "report_data",
    `Issue evidence failed: got report data of ${reportData.length} bytes, wanted ${REPORT_DATA_BYTES}`,
  );
}

/** The bytes of evidence. What a verifier would not read, as a certificate too large, is told here instead of there. */
function sealed(evidence: Evidence): Uint8Array {
  const bytes = serializeEvidence(evidence);
  try {
    parseEvidence(bytes);
  } catch (cause) {
    const { message } = cause as AttestationError;
    throw new EvidenceSourceError("evidence", `Issue evidence failed: ${message}`, { cause });
  }
  return bytes;
}
