import type { Claim, Volume } from "./kube-types.ts";
import { DRIVER_NAME } from "./names.ts";
import type { NodeParts } from "./node-parts.ts";

/** How long a file is seen without a PersistentVolume before it is looked at closely. */
const ORPHAN_GRACE_MS = 10 * 60_000;

/**
 * Finds files that no PersistentVolume names, and removes those in which nothing was ever written: what is left when a
 * node is cut off between file and object. A file with data is never removed here: its object was taken away by force, or
 * with the policy Retain, or the cluster was restored from an older state; it is reported and goes on counting.
 */
export class Sweep {
  readonly #parts: NodeParts;
  readonly #graceMs: number;
  readonly #firstSeen = new Map<string, number>();
  readonly #reported = new Set<string>();

  constructor(parts: NodeParts, graceMs = ORPHAN_GRACE_MS) {
    this.#parts = parts;
    this.#graceMs = graceMs;
  }

  /** Looks once. An error of the API server ends it with nothing removed. */
  async run(signal: AbortSignal): Promise<void> {
    const files = await this.#parts.volumes.files.list();
    const named = namedBy(this.#parts.mirrors.volumes.items(), this.#parts.mirrors.claims.items());
    const orphans = files.map(({ volumeId }) => volumeId).filter((volumeId) => !named.has(volumeId));
    this.#forgetAllBut(orphans);
    const due = orphans.filter((volumeId) => this.#isDue(volumeId));
    if (due.length === 0) return;
    // The mirrors may be old: only whole lists of this moment say that nobody names a file.
    const { api } = this.#parts;
    const [volumes, claims] = [await api.volumes.list({}, signal), await api.claims.list({}, signal)];
    const namedNow = namedBy(volumes.items, claims.items);
    for (const volumeId of due.filter((id) => !namedNow.has(id))) await this.#remove(volumeId, signal);
  }

  #isDue(volumeId: string): boolean {
    const now = this.#parts.now().getTime();
    const first = this.#firstSeen.get(volumeId) ?? now;
    this.#firstSeen.set(volumeId, first);
    return now - first >= this.#graceMs;
  }

  #forgetAllBut(orphans: readonly string[]): void {
    for (const volumeId of this.#firstSeen.keys()) if (!orphans.includes(volumeId)) this.#firstSeen.delete(volumeId);
  }

  async #remove(volumeId: string, signal: AbortSignal): Promise<void> {
    const { volumes, log } = this.#parts;
    if (await volumes.removeUnwritten(volumeId, signal)) log.record("orphan-removed", { volume: volumeId });
    else if (!this.#reported.has(volumeId)) {
      this.#reported.add(volumeId);
      log.record("orphan-with-data", { volume: volumeId });
    }
  }
}

/** IDs that volumes of the driver name, on whatever node, and those of claims that may be getting a volume now. */
function namedBy(volumes: readonly Volume[], claims: readonly Claim[]): ReadonlySet<string> {
  const handles = volumes.flatMap(({ spec }) => (spec.csi?.driver === DRIVER_NAME ? [spec.csi.volumeHandle] : []));
  return new Set([...handles, ...claims.map(({ metadata }) => `pvc-${metadata.uid}`)]);
}
