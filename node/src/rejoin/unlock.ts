import { equalConstantTime, fromHex, hex } from "@constellation/bytes";
import type { DiskKey } from "@constellation/keys";
import type { KeyChange } from "../disk/state-disk.ts";
import { NodeError } from "../errors.ts";
import { openMember } from "../machine/disk.ts";
import type { Dependencies, DiskOfNode, Member, Platform } from "../machine/node.ts";
import { PATHS } from "../options.ts";
import { Mutex } from "../platform/mutex.ts";
import { mayChangeKey } from "../recovery/may-change-key.ts";
import { readNodeState } from "../state/node-state.ts";
import type { RecoveredKey } from "./recovered-key.ts";

/** Whether a cluster ID is that of a certain cluster. */
type ClusterTest = (clusterId: Uint8Array) => boolean;

/**
 * Opens the known disk with the first key that fits. Keys come from the join service, the cluster's KMS and the operator,
 * maybe at the same time: they are tried one after the other, and after the first success none is.
 *
 * The disk may be anybody's: the host can put one there that it has the key of, and be the operator of a cluster of its
 * own, whose pods could read what the agent's memory has kept. So an agent that asked for secrets of one cluster opens no
 * disk for another.
 */
export class Unlock {
  readonly #platform: Platform;
  readonly #disk: DiskOfNode;
  readonly #dependencies: Dependencies;
  readonly #signal: AbortSignal;
  readonly #mutex = new Mutex();
  readonly #member = Promise.withResolvers<Member>();
  readonly #opening = Promise.withResolvers<void>();
  /** Of the clusters that this agent asked for secrets. */
  readonly #asked = new Map<string, ClusterTest>();
  #opened = false;

  constructor(platform: Platform, disk: DiskOfNode, dependencies: Dependencies, signal: AbortSignal) {
    this.#platform = platform;
    this.#disk = disk;
    this.#dependencies = dependencies;
    this.#signal = signal;
  }

  /** Settles when the disk is open and the node is a member again. */
  get member(): Promise<Member> {
    return this.#member.promise;
  }

  /** Settles when the disk is open: whoever asks for secrets stops then, before anything of the disk runs. */
  get opened(): Promise<void> {
    return this.#opening.promise;
  }

  /**
   * Called before secrets of a cluster are asked for: from now on only a key of that cluster is tried.
   * @param cluster the same for the same cluster: it is asked again and again
   * @throws NodeError `already_initialised`
   */
  readonly bindTo = (cluster: string, isCluster: ClusterTest): Promise<void> =>
    this.#mutex.run(async () => {
      this.#requireLocked();
      this.#asked.set(cluster, isCluster);
    });

  /** Tries a key. @throws NodeError `refused` when it does not open the disk, `cluster_mismatch` */
  readonly tryKey = (key: RecoveredKey): Promise<void> => this.#mutex.run(() => this.#tryKey(key));

  async #tryKey(recovered: RecoveredKey): Promise<void> {
    const { diskKey, next, etcdKeys, clusterId, source } = recovered;
    try {
      this.#requireLocked();
      this.#requireAsked(recovered);
    } catch (error) {
      for (const unused of [diskKey, next?.key, ...etcdKeys.map(({ key }) => key)]) unused?.wipe();
      throw error;
    }
    // Held before the disk is open: an agent that ends in between finds an open disk, and gets no key any more.
    if (etcdKeys.length > 0) await this.#dependencies.etcdKeys.hold(etcdKeys);
    const generation = await this.#open(diskKey, await this.#permitted(next), source);
    this.#opened = true;
    this.#opening.resolve();
    try {
      await this.#dependencies.mountState(this.#signal);
      const { clusterId: recorded, role } = await readNodeState(this.#dependencies.options.root + PATHS.nodeState);
      // The key fits, so this can only be a mistake: but a node must never carry another cluster's mark.
      if (!equalConstantTime(fromHex(recorded), clusterId)) {
        const got = `got cluster "${hex(clusterId)}", wanted "${recorded}"`;
        throw new NodeError("cluster_mismatch", `Rejoin cluster failed: ${got}`);
      }
      // The operator's secret gives them to any machine that its host calls a control plane.
      if (role !== "control-plane") await this.#dependencies.etcdKeys.forget();
      this.#member.resolve(await openMember(this.#dependencies, this.#platform.attester, generation, this.#signal));
    } catch (error) {
      // With the disk open there is no way back to asking for a key: the agent starts again and finds the open disk.
      this.#member.reject(error);
      throw error;
    }
  }

  #requireLocked(): void {
    if (!this.#opened) return;
    throw new NodeError("already_initialised", "Recover node failed: got an open disk already");
  }

  #requireAsked({ clusterId, source }: RecoveredKey): void {
    if ([...this.#asked.values()].every((isCluster) => isCluster(clusterId))) return;
    const got = `got cluster "${hex(clusterId)}" from the ${source}, wanted the one that this agent has asked for secrets`;
    const error = new NodeError("cluster_mismatch", `Rejoin cluster failed: ${got}`);
    // A control plane of another cluster had this address for a while: the agent starts again and holds nothing of it.
    // Not for the operator's key, as anybody may bring one.
    if (source === "join service") this.#member.reject(error);
    throw error;
  }

  /** The change of the key, unless this node would then not come back by its external KMS. */
  async #permitted(next: KeyChange | undefined): Promise<KeyChange | undefined> {
    if (next === undefined) return undefined;
    const node = { platform: this.#platform, disk: this.#disk };
    if (await mayChangeKey(next.generation, node, this.#dependencies, this.#signal)) return next;
    next.key.wipe();
    this.#dependencies.console(
      `state disk: key not changed to generation ${next.generation}: what is sealed for self-recovery must hold it first`,
    );
    return undefined;
  }

  /** Opens the disk and changes its key, where there is a newer one. @returns the generation of the disk's key by then */
  async #open(key: DiskKey, next: KeyChange | undefined, source: string): Promise<number> {
    const { console, log } = this.#dependencies;
    try {
      const { generation, failure } = await this.#disk.open(key, this.#signal, next);
      console(`state disk: opened with the key from the ${source}`);
      if (failure !== undefined) log.error("key of the state disk not changed, the next boot tries again", failure);
      else if (next !== undefined) console(`state disk: key changed to generation ${generation}`);
      return generation;
    } catch (cause) {
      await this.#dependencies.etcdKeys.forget();
      throw new NodeError("refused", `Open state disk failed: the key from the ${source} does not fit`, { cause });
    } finally {
      key.wipe();
      next?.key.wipe();
    }
  }
}
