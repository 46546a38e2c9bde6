import { type KeyGeneration, Keyring } from "@constellation/keys";
import { openRootKey, requireRootOfCluster } from "@constellation/kms/root";
import type { Dependencies } from "../machine/node.ts";
import type { RecoveryRecord } from "./record.ts";

/** The generation that makes the cluster's ID. */
const FIRST_GENERATION = 1;

/**
 * Has the KMS open all generations of a record's root key. A KMS that gives another first one is found out here. The
 * caller wipes what it gets.
 * @throws KmsError
 */
export async function openRecord(
  { keyManagement, clusterId, measurementSalt, roots }: RecoveryRecord,
  { openKms }: Pick<Dependencies, "openKms">,
  signal: AbortSignal,
): Promise<Keyring> {
  const { kms } = await openKms(keyManagement, signal);
  const opened: KeyGeneration[] = [];
  try {
    for (const root of roots) {
      const { generation, salt } = root;
      const master = await openRootKey(kms, clusterId, root, signal);
      opened.push({ generation, master, salt });
      if (generation === FIRST_GENERATION) requireRootOfCluster(clusterId, { master, salt, measurementSalt });
    }
    return new Keyring(opened);
  } catch (error) {
    for (const { master } of opened) master.wipe();
    throw error;
  }
}
