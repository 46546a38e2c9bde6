import { setTimeout as delay } from "node:timers/promises";
import { describeError, type Log } from "@constellation/pod";
import { CsiError } from "../errors.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { mappingNames } from "../kernel/mappings.ts";
import type { VolumeLocks } from "../locks.ts";
import { type NameFolders, namesOfMapping, type VolumeNames } from "../volume/names.ts";
import type { OpenVolumes } from "../volume/open-volumes.ts";

/** What changing keys needs. */
export interface RekeyerParts {
  readonly kernel: Kernel;
  readonly openVolumes: OpenVolumes;
  readonly locks: VolumeLocks;
  readonly folders: NameFolders;
  readonly log: Log;
  /** Between two passes, and how long one waits for a volume. */
  readonly intervalMs: number;
}

/** Brings the volumes that are open on this node for writing to the key of the current generation, one after the other. */
export class Rekeyer {
  readonly #parts: RekeyerParts;
  /** Mappings of which the record says what the header does. */
  readonly #noted = new Set<string>();

  constructor(parts: RekeyerParts) {
    this.#parts = parts;
  }

  /** Looks at all volumes again and again until the signal says stop. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.pass(signal).catch((error: unknown) => {
        this.#parts.log.record("rekey-failed", { error: describeError(error) });
      });
      await delay(this.#parts.intervalMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Looks at all volumes once. A volume on which another call is under way, or that fails, waits for the next time. */
  async pass(signal: AbortSignal): Promise<void> {
    const { kernel, locks, folders, log, intervalMs } = this.#parts;
    for (const name of await mappingNames(kernel.files)) {
      if (signal.aborted) return;
      const names = namesOfMapping(folders, name);
      if (names === undefined) continue;
      const following = locks.run(names.mapping, () => this.follow(names, signal)).catch(unlessBusy);
      // Storage that never answers holds up its own volume alone.
      if (!(await endsWithin(following, intervalMs, signal))) log.record("rekey-waits", { mapping: name });
    }
  }

  /**
   * Brings one volume, whose lock the caller has, to the key of the current generation. What fails is logged and waits for
   * the next pass: the volume works under its older key.
   */
  async follow(names: VolumeNames, signal: AbortSignal): Promise<void> {
    try {
      await this.#rekey(names, signal);
    } catch (error) {
      this.#parts.log.record("rekey-failed", { mapping: names.mapping, error: describeError(error) });
    }
  }

  async #rekey(names: VolumeNames, signal: AbortSignal): Promise<void> {
    const { kernel, openVolumes, log } = this.#parts;
    const mapping = await kernel.mapping(names.mapping);
    if (mapping === undefined || mapping.readOnly) return;
    const changed = await openVolumes.rekey(names, mapping, signal);
    if (changed !== undefined) {
      this.#noted.delete(names.mapping);
      log.record("rekeyed", { luksUuid: mapping.luksUuid, ...changed });
    }
    if (this.#noted.has(names.mapping)) return;
    // After the change, so that no generation counts as unused before it is.
    await openVolumes.noteGeneration(names, mapping, signal);
    this.#noted.add(names.mapping);
  }
}

function unlessBusy(error: unknown): void {
  if (!(error instanceof CsiError && error.code === "busy")) throw error;
}

/** Whether work ends in time. A stop ends the wait, and not the work. */
async function endsWithin(work: Promise<void>, ms: number, stop: AbortSignal): Promise<boolean> {
  const ended = new AbortController();
  const timer = delay(ms, false, { signal: AbortSignal.any([ended.signal, stop]) }).catch(() => true);
  try {
    return await Promise.race([work.then(() => true), timer]);
  } finally {
    ended.abort();
  }
}
