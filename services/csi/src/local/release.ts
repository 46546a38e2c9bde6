import { KubeError } from "@constellation/kube/in-cluster";
import type { Volume } from "./kube-types.ts";
import { FINALIZER } from "./names.ts";
import { keyOf, type NodeParts } from "./node-parts.ts";
import { isVolumeOf } from "./persistent-volume.ts";

/** What a PersistentVolume's state asks of the node that has it. */
export type VolumeFate = "stays" | "file-and-object" | "object";

/**
 * What is to be done with a volume of ours. Its file goes only if nobody claims it any more and its policy says so; an
 * object that is deleted under another policy goes without its file.
 */
export function fateOf({ metadata, spec, status }: Volume): VolumeFate {
  if (!(metadata.finalizers ?? []).includes(FINALIZER)) return "stays";
  const policy = spec.persistentVolumeReclaimPolicy;
  const phase = status?.phase;
  if (policy === "Delete" && phase === "Released") return "file-and-object";
  if (metadata.deletionTimestamp === undefined) return "stays";
  if (phase !== "Available" && phase !== "Released" && phase !== "Failed") return "stays";
  return policy === "Delete" ? "file-and-object" : "object";
}

/**
 * Removes a volume that nobody claims: mappings, file, object, in this order. The finalizer is the last to go, so that
 * whoever is cut off finds the object again.
 */
export async function release(seen: Volume, parts: NodeParts, signal: AbortSignal): Promise<void> {
  // What is seen may be old, and a removed file can't be brought back: the API server has the last word.
  const volume = await parts.api.volumes.get(keyOf(seen), signal).catch(unlessMissing);
  if (volume === undefined || volume.metadata.uid !== seen.metadata.uid) return;
  if (!isVolumeOf(parts.nodeName, volume)) return;
  const fate = fateOf(volume);
  if (fate === "stays") return;
  if (fate === "file-and-object") await removeFile(volume, parts, signal);
  await removeObject(volume, parts, signal);
  parts.log.record("volume-removed", { volume: volume.metadata.name, fate });
}

async function removeFile({ metadata }: Volume, parts: NodeParts, signal: AbortSignal): Promise<void> {
  try {
    await parts.volumes.remove(metadata.name, signal);
  } catch (error) {
    const message = (error as Error).message;
    const happening = { type: "Warning", reason: "VolumeFailedDelete", message } as const;
    await parts.events.tell({ kind: "PersistentVolume", metadata }, happening, signal);
    throw error;
  }
}

async function removeObject(volume: Volume, parts: NodeParts, signal: AbortSignal): Promise<void> {
  const key = keyOf(volume);
  await parts.api.volumes.delete(key, volume.metadata.uid ?? "", signal).catch(unlessMissing);
  const left = await parts.api.volumes.get(key, signal).catch(unlessMissing);
  if (left === undefined || left.metadata.uid !== volume.metadata.uid) return;
  const { resourceVersion } = left.metadata;
  const finalizers = (left.metadata.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
  await parts.api.volumes.patch(key, { metadata: { resourceVersion, finalizers } }, signal).catch(unlessMissing);
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof KubeError && error.code === "not_found") return undefined;
  throw error;
}
