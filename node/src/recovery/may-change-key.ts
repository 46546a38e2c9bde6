import type { Dependencies, DiskOfNode, Platform } from "../machine/node.ts";
import { wipeCredentials } from "./record.ts";
import { unsealRecord } from "./sealed-record.ts";

/**
 * Whether a disk's key may be changed to a generation. Where the disk has sealed records, one of them must hold that
 * generation first: else the KMS would open a root key that opens this disk no more. A record that does not open here, as
 * after a change of the image, holds nothing; it is sealed anew once the disk is open, and the next boot changes the key.
 */
export async function mayChangeKey(
  generation: number,
  { platform: { diskUuid, sealer }, disk }: { platform: Platform; disk: Pick<DiskOfNode, "readRecovery"> },
  { log }: Pick<Dependencies, "log">,
  signal: AbortSignal,
): Promise<boolean> {
  const slots = sealer === undefined ? [] : await disk.readRecovery();
  if (sealer === undefined || slots.length === 0) return true;
  for (const slot of slots) {
    try {
      const { roots, keyManagement } = await unsealRecord(slot, { diskUuid, sealer }, signal);
      wipeCredentials(keyManagement);
      if (roots.some((root) => root.generation === generation)) return true;
    } catch (error) {
      signal.throwIfAborted();
      log.error("recovery record not opened before a change of the disk's key", error, { sequence: slot.sequence });
    }
  }
  return false;
}
