import { setTimeout as wait } from "node:timers/promises";
import { equalConstantTime, hex } from "@constellation/bytes";
import { KeysError } from "@constellation/keys";
import { describeKms } from "@constellation/kms/root";
import { describeError, errorCode, NodeError } from "../errors.ts";
import type { Dependencies, DiskOfNode, Platform } from "../machine/node.ts";
import { deriveRecoveredKey, type RecoveredKey } from "../rejoin/recovered-key.ts";
import { openRecord } from "./open-record.ts";
import { type RecoveryRecord, wipeCredentials } from "./record.ts";
import { unsealRecord } from "./sealed-record.ts";
import type { Sealer } from "./sealer.ts";
import type { RecoverySlot } from "./slot.ts";

/** What self-recovery is about. */
export interface SelfRecoveryParts {
  readonly platform: Platform;
  readonly disk: Pick<DiskOfNode, "readRecovery">;
  /** Generation of the root key that the disk's key is from, as its header says. */
  readonly generation: number;
  /** Tries a key; see `Unlock`. */
  readonly tryKey: (key: RecoveredKey) => Promise<void>;
  /** Called before the KMS is asked; see `Unlock`. */
  readonly bindTo: (cluster: string, isCluster: (clusterId: Uint8Array) => boolean) => Promise<void>;
}

type Tools = Pick<Dependencies, "openKms" | "console" | "log"> & { readonly delay?: Delay };
type Delay = (ms: number, signal: AbortSignal) => Promise<void>;

const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 60_000;
/** Before it looks anew where no record helped: a TPM or cryptsetup may have failed for another reason. */
const PAUSE_MS = 5 * 60_000;
/** A state that lasts is said again, for who looks at the console later. */
const REPEAT_AFTER_ATTEMPTS = 10;

/**
 * Opens the disk by the cluster's external KMS, for a control plane that finds no other: unseals the record on the disk,
 * has the KMS open the root key, derives the keys of this disk and of etcd. Tries for as long as it takes, as the KMS may come back
 * or be set right; where no record helps, it says so and looks again from time to time. Ends at once where the disk has
 * none, as in clusters without an external KMS. Whatever a record says, nothing is sent but what is in that record itself.
 */
export async function recoverByKms(parts: SelfRecoveryParts, tools: Tools, signal: AbortSignal): Promise<void> {
  const { console, log, delay = realDelay } = tools;
  const { sealer } = parts.platform;
  for (let isFirst = true; ; isFirst = false) {
    const slots = await parts.disk.readRecovery();
    if (sealer === undefined || slots.length === 0) {
      log.info("no recovery record", { canSeal: sealer !== undefined });
      return;
    }
    if (await tryRecords(await openRecords(slots, sealer, parts, tools, signal), parts, tools, signal)) return;
    if (isFirst) {
      console("self-recovery: not possible; waiting for a control plane, or for `constellation recover`");
    }
    await delay(PAUSE_MS, signal);
  }
}

/** Tries records in turns until one opens the disk; false where none can. */
async function tryRecords(
  records: readonly RecoveryRecord[],
  parts: SelfRecoveryParts,
  tools: Tools,
  signal: AbortSignal,
): Promise<boolean> {
  const { delay = realDelay } = tools;
  try {
    let left = records.map((record) => new Attempts(record, parts, tools));
    for (let waitMs = FIRST_WAIT_MS; left.length > 0; waitMs = Math.min(2 * waitMs, MAX_WAIT_MS)) {
      const next: Attempts[] = [];
      for (const one of left) {
        const outcome = await one.run(signal);
        if (outcome === "opened") return true;
        if (outcome === "again") next.push(one);
      }
      left = next;
      if (left.length > 0) await delay(waitMs, signal);
    }
    return false;
  } finally {
    for (const { keyManagement } of records) wipeCredentials(keyManagement);
  }
}

/** The records that open here, newest first. */
async function openRecords(
  slots: readonly RecoverySlot[],
  sealer: Sealer,
  { platform: { diskUuid } }: SelfRecoveryParts,
  { console, log }: Tools,
  signal: AbortSignal,
): Promise<RecoveryRecord[]> {
  const records: RecoveryRecord[] = [];
  for (const slot of slots) {
    try {
      records.push(await unsealRecord(slot, { diskUuid, sealer }, signal));
    } catch (error) {
      signal.throwIfAborted();
      log.error("recovery record refused", error, { sequence: slot.sequence });
      console(`self-recovery: a record was refused: ${describeError(error)}`);
    }
  }
  return records;
}

/** What is tried with one record. */
class Attempts {
  readonly #record: RecoveryRecord;
  readonly #parts: SelfRecoveryParts;
  readonly #tools: Tools;
  readonly #kms: string;
  #count = 0;
  #told = "";

  constructor(record: RecoveryRecord, parts: SelfRecoveryParts, tools: Tools) {
    this.#record = record;
    this.#parts = parts;
    this.#tools = tools;
    this.#kms = describeKms(record.keyManagement.kms);
  }

  /** "never" where the record is not this disk's. @throws NodeError once the disk was opened otherwise */
  async run(signal: AbortSignal): Promise<"opened" | "again" | "never"> {
    const { console, log } = this.#tools;
    this.#count++;
    if (this.#count === 1) console(`self-recovery: asking ${this.#kms} for the root key`);
    try {
      if (await this.#tryRecord(signal)) return "opened";
      console("self-recovery: the root key that the KMS opened is not this disk's; the record was swapped");
      return "never";
    } catch (error) {
      if (signal.aborted || error instanceof NodeError) throw error;
      const why = `${errorCode(error)}: ${describeError(error)}`;
      log.error("self-recovery attempt failed", error, { kms: this.#kms, attempt: this.#count });
      const isNews = why !== this.#told || this.#count % REPEAT_AFTER_ATTEMPTS === 0;
      if (isNews) console(`waiting for KMS ${this.#kms}: ${why}`);
      this.#told = why;
      return "again";
    }
  }

  /** False where what the KMS opened is not this disk's. */
  async #tryRecord(signal: AbortSignal): Promise<boolean> {
    const { platform, generation, tryKey, bindTo } = this.#parts;
    const { clusterId } = this.#record;
    await bindTo(hex(clusterId), (other) => equalConstantTime(other, clusterId));
    const keyring = await openRecord(this.#record, this.#tools, signal);
    try {
      const disk = { diskUuid: platform.diskUuid, generation };
      await tryKey(deriveRecoveredKey(keyring, disk, { clusterId, source: "KMS" }));
      return true;
    } catch (error) {
      if (!isWrongKey(error)) throw error;
      this.#tools.log.error("root key does not open this disk", error, { generation });
      return false;
    } finally {
      keyring.wipe();
    }
  }
}

/** It opens no slot, or is not of the generation that the disk's header names. */
function isWrongKey(error: unknown): boolean {
  return error instanceof KeysError || (error instanceof NodeError && error.code === "refused");
}

const realDelay: Delay = (ms, signal) => wait(ms, undefined, { signal });
