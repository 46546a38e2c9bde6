import type { Judgement } from "@constellation/evidence";
import { type Field, object, oneOf, type ValueOf } from "@constellation/fields";
import { AZURE_SEV_SNP_PART, AZURE_TDX_PART } from "./azure.ts";
import { MACHINES_POLICY, type MachinesPolicy } from "./machines.ts";
import { NITRO_TPM_PART } from "./nitro-tpm.ts";
import type { Binding, Part } from "./part.ts";
import { SEV_SNP_PART } from "./sev-snp.ts";
import { TDX_PART } from "./tdx.ts";
import { VTPM_PART } from "./vtpm.ts";

/** Whose word a verdict rests on, beside that of the keys that the policy pins. */
const TRUST = {
  sevSnp: "AMD's CPU and SNP firmware",
  tdx: "Intel's CPU, TDX module and quoting enclave",
  paravisor: "Azure's paravisor, which runs the virtual TPM and is measured by the hardware",
  azureHypervisor: "Azure's hypervisor, which runs the virtual TPM: it can read and change the machine",
  gcpVtpm: "Google's hypervisor, which runs the virtual TPM and so measures the boot",
  gcpHypervisor: "Google's hypervisor, which runs the virtual TPM: no evidence of the CPU says what it did",
  nitro: "AWS's Nitro hypervisor, which runs the TPM and so measures the boot",
  nitroOnly: "AWS's Nitro system: it keeps the machine apart, and nothing else vouches for that",
} as const;

/** How evidence of each variant is made up, and whose word it rests on. */
const TABLE = {
  "sev-snp": { parts: { sevSnp: SEV_SNP_PART }, trust: [TRUST.sevSnp] },
  tdx: { parts: { tdx: TDX_PART }, trust: [TRUST.tdx] },
  "aws-sev-snp": { parts: { sevSnp: SEV_SNP_PART, nitroTpm: NITRO_TPM_PART }, trust: [TRUST.sevSnp, TRUST.nitro] },
  "aws-nitro-tpm": { parts: { nitroTpm: NITRO_TPM_PART }, trust: [TRUST.nitroOnly] },
  "azure-sev-snp": { parts: { azure: AZURE_SEV_SNP_PART }, trust: [TRUST.sevSnp, TRUST.paravisor] },
  "azure-tdx": { parts: { azure: AZURE_TDX_PART }, trust: [TRUST.tdx, TRUST.paravisor] },
  "azure-trusted-launch": { parts: { vtpm: VTPM_PART }, trust: [TRUST.azureHypervisor] },
  "gcp-sev-snp": { parts: { sevSnp: SEV_SNP_PART, vtpm: VTPM_PART }, trust: [TRUST.sevSnp, TRUST.gcpVtpm] },
  "gcp-tdx": { parts: { tdx: TDX_PART, vtpm: VTPM_PART }, trust: [TRUST.tdx, TRUST.gcpVtpm] },
  "gcp-sev-es": { parts: { vtpm: VTPM_PART }, trust: [TRUST.gcpHypervisor] },
} as const;

type Table = typeof TABLE;

/** A variant of real hardware. */
export type PlatformVariant = keyof Table;

/** All of them. */
export const PLATFORM_VARIANTS = Object.keys(TABLE) as readonly PlatformVariant[];

type Parts<V extends PlatformVariant> = Table[V]["parts"];

/** Evidence of a variant: its parts by name. */
export type PlatformEvidence = {
  [V in PlatformVariant]: { readonly variant: V } & {
    readonly [P in keyof Parts<V>]: Parts<V>[P] extends { readonly evidence: infer F } ? ValueOf<F> : never;
  };
}[PlatformVariant];

/** What is accepted of a variant: which machines, and what of each part of its evidence. Total: every field is stated. */
export type PlatformPolicy = {
  [V in PlatformVariant]: { readonly variant: V; readonly machines: MachinesPolicy } & {
    readonly [P in keyof Parts<V>]: Parts<V>[P] extends { readonly policy: infer F } ? ValueOf<F> : never;
  };
}[PlatformVariant];

type AnyPart = Part<unknown, unknown>;

function partsOf(variant: PlatformVariant): [string, AnyPart][] {
  return Object.entries(TABLE[variant].parts as unknown as Record<string, AnyPart>);
}

function documentOf<T extends { readonly variant: PlatformVariant }>(
  variant: PlatformVariant,
  field: (part: AnyPart) => Field<unknown>,
  others: Readonly<Record<string, Field<unknown>>> = {},
): Field<T> {
  const parts = partsOf(variant).map(([name, part]) => [name, field(part)]);
  return object({ variant: oneOf([variant]), ...others, ...Object.fromEntries(parts) }) as unknown as Field<T>;
}

/** Evidence of a variant as a document. */
export function platformEvidenceField(variant: PlatformVariant): Field<PlatformEvidence> {
  return documentOf(variant, ({ evidence }) => evidence);
}

/** The policy of a variant as a document. */
export function platformPolicyField(variant: PlatformVariant): Field<PlatformPolicy> {
  return documentOf(variant, ({ policy }) => policy, { machines: MACHINES_POLICY as Field<unknown> });
}

/** Whose word a verdict on this variant rests on, for people. */
export function trustOf(variant: PlatformVariant): readonly string[] {
  return TABLE[variant].trust;
}

/**
 * Judges each part of the evidence by its part of the policy; both are of the same variant. Names of checks and claims
 * start with the part's. All parts are bound to the same channel, so that none can stand in for another machine's.
 */
export function judgePlatform(
  evidence: PlatformEvidence,
  policy: PlatformPolicy,
  binding: Binding,
  now: Date,
): Judgement {
  const members = evidence as unknown as Readonly<Record<string, unknown>>;
  const rules = policy as unknown as Readonly<Record<string, unknown>>;
  const judged = partsOf(policy.variant).map(([name, part]) => {
    return [name, part.judge(members[name], rules[name], binding, now)] as const;
  });
  return {
    checks: judged.flatMap(([name, { checks }]) => checks.map((done) => ({ ...done, name: `${name}.${done.name}` }))),
    claims: Object.fromEntries(judged.map(([name, { claims }]) => [name, claims])),
  };
}
