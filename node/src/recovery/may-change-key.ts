import type { Dependencies, DiskOfNode, Platform } from "../machine/node.ts";
import { type RecoveryRecord, wipeCredentials } from "./record.ts";
import { unsealRecord } from "./sealed-record.ts";
import type { RecoverySlot } from "./slot.ts";

interface SealingNode {
  readonly platform: Pick<Platform, "diskUuid" | "sealer">;
  readonly disk: Pick<DiskOfNode, "readRecovery">;
}

/**
 * Whether a disk's key may be changed to a generation. Where the disk has sealed records, one of them must hold that
 * generation first: else the KMS would open a root key that opens this disk no more. A record that does not open here, as
 * after a change of the image, holds nothing; it is sealed anew once the disk is open, and the next boot changes the key.
 */
export async function mayChangeKey(
  generation: number,
  node: SealingNode,
  { log }: Pick<Dependencies, "log">,
  signal: AbortSignal,
): Promise<boolean> {
  if (node.platform.sealer === undefined) return true;
  try {
    const slots = await node.disk.readRecovery();
    if (slots.length === 0) return true;
    for (const slot of slots) if (await holds(generation, slot, node, log, signal)) return true;
  } catch (error) {
    // The disk can be opened all the same: only its key stays.
    log.error("recovery records not read before a change of the disk's key", error);
  }
  return false;
}

async function holds(
  generation: number,
  slot: RecoverySlot,
  { platform: { diskUuid, sealer } }: SealingNode,
  log: Dependencies["log"],
  signal: AbortSignal,
): Promise<boolean> {
  let record: RecoveryRecord | undefined;
  try {
    record = sealer && (await unsealRecord(slot, { diskUuid, sealer }, signal));
    return record?.roots.some((root) => root.generation === generation) ?? false;
  } catch (error) {
    log.error("recovery record not opened before a change of the disk's key", error, { sequence: slot.sequence });
    return false;
  } finally {
    if (record !== undefined) wipeCredentials(record.keyManagement);
  }
}
