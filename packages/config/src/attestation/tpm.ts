import { clusterRegisterOf, type ClusterRegister, type Policy } from "@constellation/attestation";
import type { BoundNitroPolicy, BoundQuotesPolicy, BoundVtpmPolicy } from "@constellation/evidence";
import type { Expectation } from "@constellation/verdict";
import { AWS_NITRO_ROOT } from "@constellation/vendor-roots";
import { type Membership, pcrExpectations } from "./registers.ts";
import { rootsOf } from "./roots.ts";
import type { Measurements, Section } from "./sections.ts";

/** Registers of NitroTPM's documents that there may be. */
const NITRO_REGISTERS = 32;

/** The policy of a virtual TPM's quotes. */
export function quotesPolicy(
  measurements: Measurements,
  variant: Policy["variant"],
  members: readonly Membership[],
): BoundQuotesPolicy {
  const register = clusterRegisterOf(variant) as ClusterRegister;
  return {
    pcrs: { sha256: pcrExpectations(measurements, register, members), sha384: new Map(), sha512: new Map() },
    eventLog: { kind: "any", reason: "registers are compared with values; a log that is there is judged" },
  };
}

/** The policy of a virtual TPM whose attestation key its provider certified. */
export function vtpmPolicy(
  measurements: Measurements,
  variant: Policy["variant"],
  { roots, members }: { readonly roots: readonly string[]; readonly members: readonly Membership[] },
): BoundVtpmPolicy {
  return {
    ...quotesPolicy(measurements, variant, members),
    akCertificate: { kind: "required", roots: rootsOf(roots) },
  };
}

/** The policy of a NitroTPM. */
export function nitroPolicy(
  { measurements, nitroRootKey = AWS_NITRO_ROOT }: Section<"awsNitroTPM">,
  variant: Policy["variant"],
  members: readonly Membership[],
): BoundNitroPolicy {
  const register = clusterRegisterOf(variant) as ClusterRegister;
  const others = Array.from({ length: NITRO_REGISTERS }, (_, index): [number, Expectation<Uint8Array>] => {
    return [index, { kind: "any", reason: "no register of the boot" }];
  });
  const absent = { kind: "absent" } as const;
  return {
    roots: rootsOf([nitroRootKey]),
    document: {
      kind: { kind: "equal", anyOf: ["nitrotpm"] },
      moduleId: { kind: "any", reason: "which machine it is, is compared with the node records" },
      timestamp: { kind: "any", reason: "the document is as new as the nonce in it" },
      pcrs: new Map([...others, ...pcrExpectations(measurements, register, members)]),
      debug: { kind: "equal", anyOf: [false] },
      publicKey: absent,
      userData: absent,
    },
  };
}
