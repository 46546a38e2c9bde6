import type { DiskKey, EtcdKey, Keyring } from "@constellation/keys";
import type { KeyChange } from "../disk/state-disk.ts";

/** A key for this node's disk, a control plane's keys for etcd, and the cluster that they are said to belong to. */
export interface RecoveredKey {
  diskKey: DiskKey;
  /** Of a newer generation, to change the disk's key to. */
  next?: KeyChange;
  /** None for a worker. */
  etcdKeys: EtcdKey[];
  clusterId: Uint8Array;
  source: string;
}

/** The disk to be recovered. */
export interface LockedDisk {
  readonly diskUuid: string;
  /** Generation of the master secret that its key is from, as its header says. */
  readonly generation: number;
}

/**
 * What a control plane needs of a keyring to open its disk, and to go over to the current generation.
 * @throws KeysError `generation_unknown`, `generation_removed` where the keyring has not what the disk is under
 */
export function deriveRecoveredKey(
  keyring: Keyring,
  { diskUuid, generation }: LockedDisk,
  said: Pick<RecoveredKey, "clusterId" | "source">,
): RecoveredKey {
  const diskKey = keyring.stateDiskKey(diskUuid, generation);
  const etcdKeys = keyring.numbers.map((number) => ({ generation: number, key: keyring.etcdSecretsKey(number) }));
  const recovered = { ...said, diskKey, etcdKeys };
  if (keyring.current <= generation) return recovered;
  const next = { key: keyring.stateDiskKey(diskUuid, keyring.current), generation: keyring.current };
  return { ...recovered, next };
}
