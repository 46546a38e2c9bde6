import { createHash } from "node:crypto";
import type { PlatformEvidence, PlatformPolicy, PlatformVariant } from "@constellation/attestation";
import type { FieldChanges } from "@constellation/nitro/testing";
import type { VmConfiguration } from "../azure/fake-azure.ts";
import type { FakeSevSnpRequest } from "../amd/fake-sev-snp-guest.ts";
import type { FakeTdxRequest } from "../intel/fake-intel.ts";
import type { FakeEvent } from "../tpm/event-log.ts";

/** What a fake machine is; all has defaults. */
export interface FakeMachineRequest {
  readonly sevSnp?: FakeSevSnpRequest;
  readonly tdx?: FakeTdxRequest;
  /** Fields of the NitroTPM's documents. */
  readonly document?: FieldChanges;
  /** What the TPM measured. */
  readonly events?: readonly FakeEvent[];
  readonly vmConfiguration?: VmConfiguration;
}

/** Evidence of a variant. */
export type EvidenceOf<V extends PlatformVariant> = Extract<PlatformEvidence, { variant: V }>;

/** The policy of a variant. */
export type PolicyOf<V extends PlatformVariant> = Extract<PlatformPolicy, { variant: V }>;

/** One part of a machine's evidence, and a total policy that pins all that it says. */
export interface FakePart<Evidence, Policy> {
  readonly policy: Policy;
  readonly evidence: (reportData: Uint8Array) => Evidence;
}

/** What a TPM's quote is bound to: the report data does not fit. */
export function qualifyingDataOf(reportData: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(reportData).digest());
}
