import { equalConstantTime } from "@constellation/bytes";
import { describeError, NodeError } from "../errors.ts";
import type { Dependencies, Platform } from "../machine/node.ts";
import { openRecord } from "../recovery/open-record.ts";
import { sealSlot } from "../recovery/keep-sealed.ts";
import { readRecord, writeRecord } from "../recovery/record-file.ts";
import { recordInCluster } from "../recovery/record-in-cluster.ts";
import { type RecoveryRecord, serializeRecord, wipeCredentials } from "../recovery/record.ts";

const INTERVAL_MS = 5 * 60_000;

/** The node that follows. */
interface Following {
  readonly platform: Platform;
  /** Generation of the root key that its disk's key is from. */
  readonly diskGeneration: number;
}

type Parts = Pick<Dependencies, "cluster" | "openDisk" | "openKms" | "options" | "log" | "console">;

/**
 * Takes over what the cluster says of its external KMS: credentials that were exchanged would else be missing at the next
 * boot. Ends at once on a node that has no record to keep.
 */
export async function followKeyManagement(
  { platform, diskGeneration }: Following,
  parts: Parts,
  delay: (ms: number, value: undefined, options: { signal: AbortSignal }) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let told = "";
  while (!signal.aborted) {
    try {
      if (!(await followOnce({ platform, diskGeneration }, parts, signal))) return;
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
async function followOnce(
  { platform, diskGeneration }: Following,
  parts: Parts,
  signal: AbortSignal,
): Promise<boolean> {
  const { cluster, openDisk, options, console } = parts;
  if (platform.sealer === undefined) return false;
  const own = await readRecord(options.root);
  if (own === undefined) return false;
  let next: RecoveryRecord | undefined;
  try {
    next = await recordInCluster(cluster, signal);
    if (next === undefined || isSame(own, next)) return true;
    await requireOpens(own, next, { parts, diskGeneration }, signal);
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

/** A record that does not open this disk would be of no use at the next boot, and the old one may be. */
async function requireOpens(
  own: RecoveryRecord,
  next: RecoveryRecord,
  { parts, diskGeneration }: { parts: Parts; diskGeneration: number },
  signal: AbortSignal,
): Promise<void> {
  const { clusterId, measurementSalt, roots } = next;
  if (!equalConstantTime(own.clusterId, clusterId) || !equalConstantTime(own.measurementSalt, measurementSalt)) {
    throw new NodeError(
      "cluster_mismatch",
      "Follow key management failed: got that of another cluster, wanted this one's",
    );
  }
  if (!roots.some(({ generation }) => generation === diskGeneration)) {
    const got = `got generations "${roots.map(({ generation }) => generation).join(", ")}"`;
    const message = `Follow key management failed: ${got}, wanted "${diskGeneration}", the disk's, among them`;
    throw new NodeError("sealed_record", message);
  }
  (await openRecord(next, parts, signal)).wipe();
}

function isSame(one: RecoveryRecord, other: RecoveryRecord): boolean {
  const [first, second] = [serializeRecord(one), serializeRecord(other)];
  const same = first.length === second.length && equalConstantTime(first, second);
  first.fill(0);
  second.fill(0);
  return same;
}
