import type { Attester } from "@constellation/atls";
import type { Policy } from "@constellation/attestation";

/** This machine as it proves itself to others: its evidence, and the mark of the cluster that it belongs to. */
export interface AttesterOfNode extends Attester {
  /** Digest of what all records know this machine by; see `machineClaims` of package attestation. */
  readonly machineDigest: Uint8Array;
  /** Whether this boot of the machine already belongs to a cluster. */
  isMarked(signal: AbortSignal): Promise<boolean>;
  /**
   * Marks this boot with the cluster's ID. Doing it twice with the same ID is doing it once: a restarted agent may not
   * know how far the earlier one came.
   * @throws NodeError `cluster_mismatch` when it is marked with something else
   */
  markWithClusterId(clusterId: Uint8Array, signal: AbortSignal): Promise<void>;
  /** By what this machine accepts the join service of a cluster, made of what it runs itself. */
  joinPolicy(signal: AbortSignal): Promise<Policy>;
}
