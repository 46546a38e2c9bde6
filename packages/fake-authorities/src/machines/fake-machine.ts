import {
  machineClaims,
  type PlatformEvidence,
  type PlatformPolicy,
  type PlatformVariant,
} from "@constellation/attestation";
import { azureSevSnpPart, azureTdxPart } from "./azure-parts.ts";
import type { EvidenceOf, FakeMachineRequest, FakePart, PolicyOf } from "./part.ts";
import { nitroTpmPart, sevSnpPart, tdxPart, vtpmPart } from "./parts.ts";
import type { FakeVendors } from "./vendors.ts";

/** A machine of a variant under fake vendors. */
export interface FakeMachine {
  /** A total policy that pins all that the machine's evidence says. */
  readonly policy: PlatformPolicy;
  /** Complete evidence, bound to 64 bytes. */
  readonly evidence: (reportData: Uint8Array) => PlatformEvidence;
}

type PartsOf<V extends PlatformVariant> = {
  readonly [P in Exclude<keyof EvidenceOf<V> & keyof PolicyOf<V>, "variant">]: FakePart<
    EvidenceOf<V>[P],
    PolicyOf<V>[P]
  >;
};

type Builders = {
  readonly [V in PlatformVariant]: (
    vendors: FakeVendors,
    request: FakeMachineRequest,
  ) => PartsOf<V> | Promise<PartsOf<V>>;
};

const BUILDERS: Builders = {
  "sev-snp": (vendors, request) => ({ sevSnp: sevSnpPart(vendors, request) }),
  tdx: async (vendors, request) => ({ tdx: await tdxPart(vendors, request) }),
  "aws-sev-snp": (vendors, request) => ({
    sevSnp: sevSnpPart(vendors, { ...request, sevSnp: { signer: "VLEK", ...request.sevSnp } }),
    nitroTpm: nitroTpmPart(vendors, request),
  }),
  "aws-nitro-tpm": (vendors, request) => ({ nitroTpm: nitroTpmPart(vendors, request) }),
  "azure-sev-snp": (vendors, request) => ({ azure: azureSevSnpPart(vendors, request) }),
  "azure-tdx": async (vendors, request) => ({ azure: await azureTdxPart(vendors, request) }),
  "azure-trusted-launch": ({ azure }, request) => ({
    vtpm: vtpmPart(azure.ca, (tpm) => azure.certifyAk(tpm), request),
  }),
  "gcp-sev-snp": (vendors, request) => ({ sevSnp: sevSnpPart(vendors, request), vtpm: gcpVtpm(vendors, request) }),
  "gcp-tdx": async (vendors, request) => ({ tdx: await tdxPart(vendors, request), vtpm: gcpVtpm(vendors, request) }),
  "gcp-sev-es": (vendors, request) => ({ vtpm: gcpVtpm(vendors, request) }),
};

function gcpVtpm({ gcp }: FakeVendors, request: FakeMachineRequest): ReturnType<typeof vtpmPart> {
  return vtpmPart(gcp.ca, (tpm) => gcp.certifyAk(tpm), request);
}

/** Makes a machine; what is not asked for is random where machines differ, and good everywhere else. */
export async function createFakeMachine(
  variant: PlatformVariant,
  vendors: FakeVendors,
  request: FakeMachineRequest = {},
): Promise<FakeMachine> {
  const parts = Object.entries(await BUILDERS[variant](vendors, request)) as [string, FakePart<unknown, unknown>][];
  const of = (read: (part: FakePart<unknown, unknown>) => unknown) =>
    Object.fromEntries(parts.map(([name, part]) => [name, read(part)]));
  const evidence = (reportData: Uint8Array): PlatformEvidence =>
    ({ variant, ...of((part) => part.evidence(reportData)) }) as unknown as PlatformEvidence;
  const { machine } = machineClaims(evidence(new Uint8Array(64)));
  const machines = { kind: "anyOf", digests: machine === undefined ? [] : [machine] } as const;
  return { policy: { variant, machines, ...of(({ policy }) => policy) } as unknown as PlatformPolicy, evidence };
}
