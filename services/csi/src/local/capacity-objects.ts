import { createHash } from "node:crypto";
import { KubeError, type KubeObject, type KubeResources } from "@constellation/kube/in-cluster";
import type { StorageCapacity, StorageClass } from "./kube-types.ts";
import { DRIVER_NAME, TOPOLOGY_KEY } from "./names.ts";
import type { NodeParts } from "./node-parts.ts";
import { formatQuantity, parseQuantity } from "./quantity.ts";

/** What publishing takes from outside. */
export interface CapacityParts extends Pick<NodeParts, "nodeName" | "volumes" | "mirrors" | "now" | "log"> {
  readonly capacities: KubeResources<StorageCapacity>;
  readonly nodes: KubeResources<KubeObject>;
}

// Where the objects are; the scheduler reads those of all namespaces.
const NAMESPACE = "kube-system";
const DRIVER_LABEL = "csi.storage.k8s.io/drivername";
const NODE_LABEL = "local.csi.constellation.internal/node-hash";
const SIGNIFICANT_PART = 0.02;
const RECHECK_MS = 5 * 60_000;

/**
 * Tells the scheduler how large a volume can be on this node: one CSIStorageCapacity for each StorageClass, owned by the
 * Node, so that they go when it goes. Small changes are not worth a write; the driver counts by itself anyway.
 */
export class CapacityObjects {
  readonly #parts: CapacityParts;
  #told: { readonly bytes: number; readonly classes: string; readonly at: number } | undefined;

  constructor(parts: CapacityParts) {
    this.#parts = parts;
  }

  /** Writes what has changed. */
  async publish(signal: AbortSignal): Promise<void> {
    const bytes = await this.#parts.volumes.files.promisableBytes();
    const classes = this.#parts.mirrors.classes.items().filter(({ provisioner }) => provisioner === DRIVER_NAME);
    const names = classes.map(({ metadata }) => metadata.name).toSorted();
    const at = this.#parts.now().getTime();
    if (!this.#isNews(bytes, names.join(), at)) return;
    await this.#write(bytes, classes, signal);
    this.#told = { bytes, classes: names.join(), at };
  }

  #isNews(bytes: number, classes: string, at: number): boolean {
    const told = this.#told;
    if (told === undefined || told.classes !== classes || at - told.at >= RECHECK_MS) return true;
    return isSignificant(told.bytes, bytes);
  }

  async #write(bytes: number, classes: readonly StorageClass[], signal: AbortSignal): Promise<void> {
    const { nodeName, capacities, nodes } = this.#parts;
    const hash = hashOf(nodeName);
    const labelSelector = `${DRIVER_LABEL}=${DRIVER_NAME},${NODE_LABEL}=${hash}`;
    const { items } = await capacities.list({ namespace: NAMESPACE, labelSelector }, signal);
    const node = await nodes.get({ name: nodeName }, signal);
    for (const { metadata } of classes) {
      const wanted = this.#objectOf(metadata.name, bytes, node);
      await this.#put(
        wanted,
        items.find((item) => item.metadata.name === wanted.metadata.name),
        signal,
      );
    }
    const gone = items.filter((item) => !classes.some(({ metadata }) => metadata.name === item.storageClassName));
    for (const { metadata } of gone) {
      await capacities.delete(metadata, metadata.uid ?? "", signal).catch(unlessMissing);
    }
  }

  async #put(wanted: StorageCapacity, present: StorageCapacity | undefined, signal: AbortSignal): Promise<void> {
    const { capacities } = this.#parts;
    if (present === undefined) {
      await capacities.create(wanted, signal);
      return;
    }
    const { capacity, maximumVolumeSize, nodeTopology } = wanted;
    const { ownerReferences } = wanted.metadata;
    const sameOwner = JSON.stringify(present.metadata.ownerReferences) === JSON.stringify(ownerReferences);
    if (sameOwner && parseQuantity(present.capacity) === parseQuantity(capacity)) return;
    const patch = { metadata: { ownerReferences }, nodeTopology, capacity, maximumVolumeSize };
    await capacities.patch(present.metadata, patch, signal);
  }

  #objectOf(className: string, bytes: number, node: KubeObject): StorageCapacity {
    const { nodeName } = this.#parts;
    const { name, uid = "" } = node.metadata;
    return {
      metadata: {
        name: `csisc-${hashOf(`${nodeName}\0${className}`)}`,
        namespace: NAMESPACE,
        labels: { [DRIVER_LABEL]: DRIVER_NAME, [NODE_LABEL]: hashOf(nodeName) },
        ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid }],
      },
      storageClassName: className,
      nodeTopology: { matchLabels: { [TOPOLOGY_KEY]: nodeName } },
      capacity: formatQuantity(bytes),
      maximumVolumeSize: formatQuantity(bytes),
    };
  }
}

/** Whether the scheduler should hear of a change: it is some per cent, or there is no room where there was, or again. */
export function isSignificant(before: number, after: number): boolean {
  if ((before === 0) !== (after === 0)) return true;
  return Math.abs(after - before) > before * SIGNIFICANT_PART;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof KubeError && error.code === "not_found") return undefined;
  throw error;
}
