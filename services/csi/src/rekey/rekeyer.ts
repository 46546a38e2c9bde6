import { setTimeout as delay } from "node:timers/promises";
import { describeError, type Log } from "@constellation/pod";
import { CsiError } from "../errors.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { mappingNames } from "../kernel/mappings.ts";
import type { VolumeLocks } from "../locks.ts";
import type { EncryptedVolumes } from "../volume/encrypted-volume.ts";
import { type NameFolders, namesOfMapping } from "../volume/names.ts";

/** What changing keys needs. */
export interface RekeyerParts {
  readonly kernel: Kernel;
  readonly volumes: EncryptedVolumes;
  readonly locks: VolumeLocks;
  readonly folders: NameFolders;
  readonly log: Log;
  readonly intervalMs: number;
}

/** Brings the volumes that are open on this node to the key of the current generation, one after the other. */
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
      await this.pass(signal);
      await delay(this.#parts.intervalMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Looks at all volumes once. A volume on which another call is under way, or that fails, waits for the next time. */
  async pass(signal: AbortSignal): Promise<void> {
    const { kernel } = this.#parts;
    for (const name of await mappingNames(kernel.files)) {
      if (signal.aborted) return;
      try {
        await this.#rekey(name, signal);
      } catch (error) {
        if (error instanceof CsiError && error.code === "busy") continue;
        this.#parts.log.record("rekey-failed", { mapping: name, error: describeError(error) });
      }
    }
  }

  async #rekey(name: string, signal: AbortSignal): Promise<void> {
    const { kernel, volumes, locks, folders, log } = this.#parts;
    const names = namesOfMapping(folders, name);
    if (names === undefined) return;
    await locks.run(names.mapping, async () => {
      const mapping = await kernel.mapping(name);
      if (mapping === undefined || mapping.readOnly) return;
      const changed = await volumes.rekey(names, mapping, signal);
      if (changed !== undefined) {
        this.#noted.delete(name);
        log.record("rekeyed", { luksUuid: mapping.luksUuid, ...changed });
      }
      if (this.#noted.has(name)) return;
      // After the change, so that no generation counts as unused before it is.
      await volumes.noteGeneration(names, mapping, signal);
      this.#noted.add(name);
    });
  }
}
