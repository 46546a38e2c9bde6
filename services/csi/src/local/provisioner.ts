import { KubeError } from "@constellation/kube/in-cluster";
import { describeError } from "@constellation/pod";
import type { CapacityObjects } from "./capacity-objects.ts";
import { LocalVolumeError } from "./errors.ts";
import { expand, expansionStep, volumeOfClaim } from "./expand.ts";
import type { Claim, Volume } from "./kube-types.ts";
import { ANNOTATIONS } from "./names.ts";
import type { NodeParts } from "./node-parts.ts";
import { isVolumeOf } from "./persistent-volume.ts";
import { provision, wantsVolume } from "./provision.ts";
import { fateOf, release } from "./release.ts";
import { Retries } from "./retries.ts";
import type { Sweep } from "./sweep.ts";

/** What one pass of the provisioner works with. */
export interface ProvisionerParts extends NodeParts {
  readonly sweep: Sweep;
  readonly capacity: CapacityObjects;
}

/** One thing to do for one object. */
interface Task {
  /** What it is for, as it stands in the log. */
  readonly what: "provision" | "expand" | "release" | "sweep" | "capacity";
  readonly key: string;
  /** Changes when there is a new reason to try. */
  readonly version: string;
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/**
 * Brings this node's files and the cluster's objects together: looks at everything, does what is due, remembers nothing
 * but what failed. Every step can be cut off and is found again by the next pass.
 */
export class Provisioner {
  readonly #parts: ProvisionerParts;
  readonly #retries: Retries;

  constructor(parts: ProvisionerParts) {
    this.#parts = parts;
    this.#retries = new Retries(() => parts.now().getTime());
  }

  /**
   * Does all that is due, one after the other.
   * @returns milliseconds until what failed is due again; undefined if nothing failed
   */
  async pass(signal: AbortSignal): Promise<number | undefined> {
    const tasks = this.#tasks();
    this.#retries.keepOnly(new Set(tasks.map(({ key }) => key)));
    for (const task of tasks) {
      if (signal.aborted) return undefined;
      if (this.#retries.isDue(task.key, task.version)) await this.#try(task, signal);
    }
    return this.#retries.nextInMs();
  }

  /** Releases come first: they make room. */
  #tasks(): Task[] {
    const { mirrors, sweep, capacity } = this.#parts;
    return [
      ...mirrors.volumes.items().flatMap((volume) => this.#volumeTasks(volume)),
      ...mirrors.claims.items().flatMap((claim) => this.#claimTasks(claim)),
      { what: "sweep", key: "sweep", version: "", run: (signal) => sweep.run(signal) },
      { what: "capacity", key: "capacity", version: "", run: (signal) => capacity.publish(signal) },
    ];
  }

  #volumeTasks(volume: Volume): Task[] {
    if (!isVolumeOf(this.#parts.nodeName, volume) || fateOf(volume) === "stays") return [];
    const { uid, deletionTimestamp } = volume.metadata;
    const version = `${fateOf(volume)} ${deletionTimestamp ?? ""}`;
    return [{ what: "release", key: `release ${uid}`, version, run: (signal) => release(volume, this.#parts, signal) }];
  }

  #claimTasks(claim: Claim): Task[] {
    const parts = this.#parts;
    const { uid, annotations } = claim.metadata;
    const requested = claim.spec.resources?.requests?.["storage"] ?? "";
    if (wantsVolume(claim, parts.nodeName)) {
      const version = `${requested} ${annotations?.[ANNOTATIONS.selectedNode]}`;
      return [
        { what: "provision", key: `provision ${uid}`, version, run: (signal) => provision(claim, parts, signal) },
      ];
    }
    const volume = volumeOfClaim(claim, parts);
    if (volume === undefined || !asksForMore(claim, volume)) return [];
    return [
      { what: "expand", key: `expand ${uid}`, version: requested, run: (signal) => expand(claim, parts, signal) },
    ];
  }

  async #try({ what, key, version, run }: Task, signal: AbortSignal): Promise<void> {
    try {
      await run(signal);
      this.#retries.succeeded(key);
    } catch (error) {
      if (signal.aborted) return;
      this.#retries.failed(key, version);
      const code = error instanceof KubeError || error instanceof LocalVolumeError ? error.code : "unexpected";
      this.#parts.log.record("task-failed", { task: what, key, code, error: describeError(error) });
    }
  }
}

// A claim or volume that somebody wrote by hand, with a size that is none, is nothing to work on.
function asksForMore(claim: Claim, volume: Volume): boolean {
  try {
    return expansionStep(claim, volume) !== "none";
  } catch (error) {
    if (error instanceof LocalVolumeError) return false;
    throw error;
  }
}
