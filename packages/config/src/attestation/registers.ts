import type { Expectation } from "@constellation/verdict";
import { fromHex } from "@constellation/bytes";
import { CLUSTER_REGISTER, type ClusterRegister, freshRegister, memberRegister } from "@constellation/attestation";
import { PCR_COUNT, reasonNotStated } from "../measurements.ts";
import type { Measurements } from "./sections.ts";

/** What a machine may show of a cluster: that it belongs to none yet, or the ID of the one that it belongs to. */
export type Membership = "fresh" | Uint8Array;

/** Values that a cluster register may have. */
export function membershipValues(register: ClusterRegister, members: readonly Membership[]): Uint8Array[] {
  return members.map((member) => (member === "fresh" ? freshRegister(register) : memberRegister(register, member)));
}

/** Expectations of PCR 0 to 15 by a configuration's measurements; that of the cluster's comes from `members`. */
export function pcrExpectations(
  measurements: Measurements,
  register: ClusterRegister,
  members: readonly Membership[],
): ReadonlyMap<number, Expectation<Uint8Array>> {
  return new Map(
    Array.from({ length: PCR_COUNT }, (_, index) => {
      const isCluster = index === CLUSTER_REGISTER.pcr;
      return [index, isCluster ? memberExpectation(register, members) : expectation(measurements, index)];
    }),
  );
}

/** What is expected of the register that has the cluster's ID. */
export function memberExpectation(register: ClusterRegister, members: readonly Membership[]): Expectation<Uint8Array> {
  return { kind: "equal", anyOf: membershipValues(register, members) };
}

/** What a configuration expects of a register; `whyNot` says why one may be left out. */
export function expectation(
  measurements: Measurements,
  index: number,
  whyNot: string = reasonNotStated(index),
): Expectation<Uint8Array> {
  const measurement = measurements[index];
  if (measurement === undefined) return { kind: "any", reason: whyNot };
  if (measurement.warnOnly) return { kind: "any", reason: "warnOnly in the configuration" };
  return { kind: "equal", anyOf: [fromHex(measurement.expected)] };
}
