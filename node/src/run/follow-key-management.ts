import { equalConstantTime } from "@constellation/bytes";
import { openRootKey, requireRootOfCluster } from "@constellation/kms/root";
import { describeError, NodeError } from "../errors.ts";
import type { Dependencies, Platform } from "../machine/node.ts";
import { sealSlot } from "../recovery/keep-sealed.ts";
import { readRecord, writeRecord } from "../recovery/record-file.ts";
import { recordInCluster } from "../recovery/record-in-cluster.ts";
import { type RecoveryRecord, serializeRecord, wipeCredentials } from "../recovery/record.ts";

const INTERVAL_MS = 5 * 60_000;

type Parts = Pick<Dependencies, "cluster" | "openDisk" | "openKms" | "options" | "log" | "console">;

/**
 * Takes over what the cluster says of its external KMS: credentials that were exchanged would else be missing at the next
 * boot. Ends at once on a node that has no record to keep.
 */
export async function followKeyManagement(
  platform: Platform,
  parts: Parts,
  delay: (ms: number, value: undefined, options: { signal: AbortSignal }) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let told = "";
  while (!signal.aborted) {
    try {
      if (!(await followOnce(platform, parts, signal))) return;
      told = "";
    } catch (error) {
      if (signal.aborted) return;
      const why = describeError(error);
      parts.log.error("key management not followed", error);
      if (why !== told) parts.console(`self-recovery: what the cluster says of its KMS is not taken over: ${why}`);
      told = why;
    }
    await delay(INTERVAL_MS, undefined, { signal }).catch(() => undefined);
  }
}

/**
 * Seals what the cluster has, if it is another than this node's and opens the root key. False where there is nothing to
 * keep.
 * @throws KmsError, NodeError
 */
async function followOnce(platform: Platform, parts: Parts, signal: AbortSignal): Promise<boolean> {
  const { cluster, openDisk, options, console } = parts;
  if (platform.sealer === undefined) return false;
  const own = await readRecord(options.root);
  if (own === undefined) return false;
  let next: RecoveryRecord | undefined;
  try {
    next = await recordInCluster(cluster, signal);
    if (next === undefined || isSame(own, next)) return true;
    await requireOpens(own, next, parts, signal);
    const record = next;
    const disk = openDisk(platform.diskUuid);
    const slot = await disk.writeRecovery((sequence) => sealSlot(record, sequence, platform, signal));
    // Cut off before this, the next start of the agent seals the old record, and this begins again.
    await writeRecord(options.root, record, slot);
    console("self-recovery: what the cluster says of its KMS was sealed");
    return true;
  } finally {
    wipeCredentials(own.keyManagement);
    if (next !== undefined) wipeCredentials(next.keyManagement);
  }
}

/** A record that does not open the root key would be of no use at the next boot, and the old one may be. */
async function requireOpens(
  own: RecoveryRecord,
  next: RecoveryRecord,
  { openKms }: Parts,
  signal: AbortSignal,
): Promise<void> {
  const { clusterId, measurementSalt, keyManagement, roots } = next;
  if (!equalConstantTime(own.clusterId, clusterId) || !equalConstantTime(own.measurementSalt, measurementSalt)) {
    throw new NodeError(
      "cluster_mismatch",
      "Follow key management failed: got that of another cluster, wanted this one's",
    );
  }
  const { kms } = await openKms(keyManagement, signal);
  for (const root of roots) {
    const master = await openRootKey(kms, clusterId, root, signal);
    try {
      if (root.generation === 1) requireRootOfCluster(clusterId, { master, salt: root.salt, measurementSalt });
    } finally {
      master.wipe();
    }
  }
}

function isSame(one: RecoveryRecord, other: RecoveryRecord): boolean {
  const [first, second] = [serializeRecord(one), serializeRecord(other)];
  const same = first.length === second.length && equalConstantTime(first, second);
  first.fill(0);
  second.fill(0);
  return same;
}
