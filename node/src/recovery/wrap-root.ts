import type { MasterSecret } from "@constellation/keys";
import { type ClusterKeyManagement, wrapRootKey } from "@constellation/kms/root";
import type { Dependencies, Platform } from "../machine/node.ts";
import { type SealedSlot, sealFirstSlot } from "./keep-sealed.ts";
import type { RecoveryRecord } from "./record.ts";

/** The way to the root key by the KMS, and that way sealed to this machine. */
export interface WrappedRoot {
  readonly record: RecoveryRecord;
  /** Undefined where the machine has nothing to seal to. */
  readonly slot: SealedSlot | undefined;
}

/** What is wrapped. */
export interface RootToWrap {
  readonly keyManagement: ClusterKeyManagement;
  readonly master: MasterSecret;
  readonly salt: Uint8Array;
  readonly clusterId: Uint8Array;
  readonly measurementSalt: Uint8Array;
}

/**
 * Wraps the master secret by the cluster's KMS, opens it again, and seals the way to it to this machine, which must give it back. Touches neither
 * disk nor registers: a KMS that is wrong, away or lying leaves a fresh node.
 * @throws KmsError, NodeError `sealed_record`
 */
export async function wrapRoot(
  { keyManagement, master, salt, clusterId, measurementSalt }: RootToWrap,
  platform: Platform,
  { openKms }: Pick<Dependencies, "openKms">,
  signal: AbortSignal,
): Promise<WrappedRoot> {
  const opened = await openKms(keyManagement, signal);
  const root = await wrapRootKey(opened, clusterId, { generation: 1, salt, master }, signal);
  const record: RecoveryRecord = { keyManagement, clusterId, measurementSalt, roots: [root] };
  return { record, slot: await sealFirstSlot(record, platform, signal) };
}
