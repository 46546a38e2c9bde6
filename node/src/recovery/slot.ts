import { createHash } from "node:crypto";
import { concat, Cursor, equalConstantTime, utf8 } from "@constellation/bytes";
import type { SealedObject } from "@constellation/tpm2/node";
import { NodeError } from "../errors.ts";

/**
 * Where a sealed record lies: in the header area of the state disk, behind all key slots, where cryptsetup puts nothing
 * of the one accepted header. Two slots, so that a write that is cut off leaves the other one.
 */
export const RECOVERY_AREA = { offset: 8 * 1024 * 1024, slotBytes: 64 * 1024, slots: 2 } as const;

/** The greatest number that a slot can have. */
export const LAST_SEQUENCE = 0xffff_ffff;

/** A record, encrypted under a key that is sealed to the TPM. It comes from a disk: nothing in it is believed yet. */
export interface RecoverySlot {
  readonly sequence: number;
  readonly sealedKey: SealedObject;
  readonly nonce: Uint8Array;
  /** AES-256-GCM ciphertext and tag. */
  readonly ciphertext: Uint8Array;
}

const MAGIC = utf8("csrv");
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const DIGEST_BYTES = 32;
const MAX_AREA_BYTES = 1_024;

/** The slot's bytes before the ciphertext; they are authenticated with it. */
export function slotHeader({ sequence, sealedKey, nonce }: Omit<RecoverySlot, "ciphertext">): Uint8Array {
  return concat(
    MAGIC,
    Uint8Array.of(VERSION),
    u32(sequence),
    u32(sealedKey.publicArea.length),
    sealedKey.publicArea,
    u32(sealedKey.privateArea.length),
    sealedKey.privateArea,
    nonce,
  );
}

/** A whole slot, padded with zeros. The digest tells a write that was cut off; who changes bytes can make it anew. */
export function formatSlot(slot: RecoverySlot): Uint8Array {
  const content = concat(slotHeader(slot), u32(slot.ciphertext.length), slot.ciphertext);
  const bytes = concat(content, digestOf(content));
  if (bytes.length > RECOVERY_AREA.slotBytes) {
    const got = `got a record of "${bytes.length}" bytes, wanted at most "${RECOVERY_AREA.slotBytes}"`;
    throw new NodeError("sealed_record", `Seal recovery record failed: ${got}`);
  }
  const padded = new Uint8Array(RECOVERY_AREA.slotBytes);
  padded.set(bytes);
  return padded;
}

/** What a slot of the disk holds; undefined where it is empty, of another form, or was not written to its end. */
export function parseSlot(bytes: Uint8Array): RecoverySlot | undefined {
  try {
    const cursor = new Cursor(bytes);
    if (!equalConstantTime(cursor.take(MAGIC.length), MAGIC) || cursor.u8() !== VERSION) return undefined;
    const sequence = cursor.u32be();
    const publicArea = readPart(cursor, MAX_AREA_BYTES);
    const privateArea = readPart(cursor, MAX_AREA_BYTES);
    const nonce = cursor.take(NONCE_BYTES);
    const ciphertext = readPart(cursor, RECOVERY_AREA.slotBytes);
    if (ciphertext.length <= TAG_BYTES) return undefined;
    const slot = { sequence, sealedKey: { publicArea, privateArea }, nonce, ciphertext };
    const content = concat(slotHeader(slot), u32(ciphertext.length), ciphertext);
    return equalConstantTime(cursor.take(DIGEST_BYTES), digestOf(content)) ? slot : undefined;
  } catch {
    // Whatever it is, it is no slot.
    return undefined;
  }
}

/** Both slots of the area, the newer one first. */
export function parseArea(area: Uint8Array): { readonly index: number; readonly slot: RecoverySlot }[] {
  const { slotBytes, slots } = RECOVERY_AREA;
  return Array.from({ length: slots }, (_, index) => {
    const slot = parseSlot(area.subarray(index * slotBytes, (index + 1) * slotBytes));
    return slot === undefined ? [] : [{ index, slot }];
  })
    .flat()
    .sort((a, b) => b.slot.sequence - a.slot.sequence);
}

function readPart(cursor: Cursor, most: number): Uint8Array {
  const length = cursor.u32be();
  if (length > most) throw new RangeError("part too long");
  return cursor.take(length);
}

function digestOf(content: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(content).digest());
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
