import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { concat, utf8 } from "@constellation/bytes";
import { TpmError } from "@constellation/tpm2";
import { NodeError } from "../errors.ts";
import type { Sealer } from "./sealer.ts";
import { type RecoveryRecord, serializeRecord, takeRecordBytes } from "./record.ts";
import { type RecoverySlot, slotHeader } from "./slot.ts";

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a record is sealed for. */
export interface SealedFor {
  /** Bound to the record: another node's does not open. */
  readonly diskUuid: string;
  readonly sealer: Sealer;
}

/**
 * Encrypts a record under a new key, and seals that key to this TPM and image, early in the boot.
 * @throws NodeError `sealed_record`
 */
export async function sealRecord(
  record: RecoveryRecord,
  sequence: number,
  { diskUuid, sealer }: SealedFor,
  signal: AbortSignal,
): Promise<RecoverySlot> {
  const key = new Uint8Array(randomBytes(KEY_BYTES));
  const plaintext = serializeRecord(record);
  try {
    const sealedKey = await sealer.seal(key, signal);
    const nonce = new Uint8Array(randomBytes(NONCE_BYTES));
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(associatedData({ sequence, sealedKey, nonce }, diskUuid));
    const ciphertext = concat(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
    return { sequence, sealedKey, nonce, ciphertext };
  } catch (cause) {
    throw failure("Seal recovery record failed", cause);
  } finally {
    key.fill(0);
    plaintext.fill(0);
  }
}

/**
 * Opens a slot: the TPM gives the key back to this image before it is marked with a cluster, and no byte counts before
 * the key has authenticated all of them. Who can use this TPM could have made the whole slot all the same: what is in it
 * is only ever used to get a key that must open this disk.
 * @throws NodeError `sealed_record`
 */
export async function unsealRecord(
  slot: RecoverySlot,
  { diskUuid, sealer }: SealedFor,
  signal: AbortSignal,
): Promise<RecoveryRecord> {
  let key: Uint8Array | undefined;
  try {
    key = await sealer.unseal(slot.sealedKey, signal);
    if (key.length !== KEY_BYTES) throw new Error(`got a key of "${key.length}" bytes, wanted "${KEY_BYTES}"`);
    const decipher = createDecipheriv(CIPHER, key, slot.nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(associatedData(slot, diskUuid)).setAuthTag(slot.ciphertext.subarray(-TAG_BYTES));
    // The same memory, not a copy: what is overwritten below is all there is of it.
    const { buffer, byteOffset, length } = decipher.update(slot.ciphertext.subarray(0, -TAG_BYTES));
    const plaintext = new Uint8Array(buffer, byteOffset, length);
    try {
      decipher.final();
    } catch {
      plaintext.fill(0);
      throw new Error("got bytes that the sealed key does not authenticate");
    }
    return takeRecordBytes(plaintext);
  } catch (cause) {
    throw failure("Open recovery record failed", cause);
  } finally {
    key?.fill(0);
  }
}

function associatedData(header: Omit<RecoverySlot, "ciphertext">, diskUuid: string): Uint8Array {
  return concat(utf8(`constellation/v1/self-recovery/${diskUuid}\0`), slotHeader(header));
}

function failure(operation: string, cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause;
  const why = cause instanceof TpmError && cause.responseName === "TPM_RC_POLICY_FAIL" ? AFTER_MARK : "";
  return new NodeError("sealed_record", `${operation}${why}`, { cause });
}

const AFTER_MARK = ": the TPM gives it only to the image that sealed it, before the boot is marked with a cluster";
