import { createHash } from "node:crypto";
import { equalConstantTime } from "@constellation/bytes";
import { NodeError } from "../errors.ts";
import type { Dependencies, Platform } from "../machine/node.ts";
import { readMark, readRecord, writeMark } from "./record-file.ts";
import { type RecoveryRecord, wipeCredentials } from "./record.ts";
import { sealRecord, unsealRecord } from "./sealed-record.ts";
import { formatSlot, parseSlot } from "./slot.ts";

const FIRST_SEQUENCE = 1;

/** A sealed record as it lies on the disk. */
export interface SealedSlot {
  readonly bytes: Uint8Array;
  /** By which this node knows, from its encrypted disk, that the slot is still its own and still opens. */
  readonly mark: Uint8Array;
}

/** Seals a record; undefined where the machine has nothing to seal to. @throws NodeError `sealed_record` */
export async function sealSlot(
  record: RecoveryRecord,
  sequence: number,
  { diskUuid, sealer }: Pick<Platform, "diskUuid" | "sealer">,
  signal: AbortSignal,
): Promise<SealedSlot | undefined> {
  if (sealer === undefined) return undefined;
  const bytes = formatSlot(await sealRecord(record, sequence, { diskUuid, sealer }, signal));
  return { bytes, mark: markOf(bytes, await sealer.policy(signal)) };
}

/**
 * Seals a first record, and unseals it again: that the TPM gives it back can be tried before the boot is marked, and
 * never after it until the next boot needs it. Undefined where the machine has nothing to seal to.
 * @throws NodeError `sealed_record`
 */
export async function sealFirstSlot(
  record: RecoveryRecord,
  platform: Pick<Platform, "diskUuid" | "sealer">,
  signal: AbortSignal,
): Promise<SealedSlot | undefined> {
  const { diskUuid, sealer } = platform;
  const sealed = await sealSlot(record, FIRST_SEQUENCE, platform, signal);
  if (sealed === undefined || sealer === undefined) return undefined;
  const slot = parseSlot(sealed.bytes);
  const opened = slot && (await unsealRecord(slot, { diskUuid, sealer }, signal));
  if (opened === undefined)
    throw new NodeError("sealed_record", "Seal recovery record failed: got no slot, wanted one");
  wipeCredentials(opened.keyManagement);
  return sealed;
}

/**
 * Seals this node's record anew where what lies on the disk would not open at the next boot: after a change of the image,
 * or when somebody has changed it.
 */
export async function keepSealed(
  platform: Platform,
  { openDisk, options, log, console }: Pick<Dependencies, "openDisk" | "options" | "log" | "console">,
  signal: AbortSignal,
): Promise<void> {
  const { diskUuid, sealer } = platform;
  const record = sealer === undefined ? undefined : await readRecord(options.root);
  if (sealer === undefined || record === undefined) return;
  try {
    const disk = openDisk(diskUuid);
    const [newest] = await disk.readRecovery();
    const wanted = await readMark(options.root);
    const got = newest && markOf(formatSlot(newest), await sealer.policy(signal));
    if (got !== undefined && wanted !== undefined && equalConstantTime(got, wanted)) return;
    const slot = await disk.writeRecovery((sequence) => sealSlot(record, sequence, platform, signal));
    await writeMark(options.root, slot);
    log.info("recovery record sealed anew");
    console("self-recovery: sealed anew to this machine and image");
  } finally {
    wipeCredentials(record.keyManagement);
  }
}

function markOf(slot: Uint8Array, policy: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(slot).update(policy).digest());
}
