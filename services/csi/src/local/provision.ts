import { KubeError } from "@constellation/kube/in-cluster";
import { LocalVolumeError } from "./errors.ts";
import type { Claim, StorageClass, Volume } from "./kube-types.ts";
import { ANNOTATIONS, DRIVER_NAME } from "./names.ts";
import { keyOf, type NodeParts } from "./node-parts.ts";
import { isVolumeOf, planVolume, type VolumePlan } from "./persistent-volume.ts";

/** Whether a claim waits for this node to make its volume. */
export function wantsVolume(claim: Claim, nodeName: string): boolean {
  const { deletionTimestamp, annotations = {} } = claim.metadata;
  const provisioner = annotations[ANNOTATIONS.provisioner] ?? annotations[ANNOTATIONS.betaProvisioner];
  if (provisioner !== DRIVER_NAME || annotations[ANNOTATIONS.selectedNode] !== nodeName) return false;
  return (claim.spec.volumeName ?? "") === "" && deletionTimestamp === undefined;
}

/**
 * Makes the volume that a claim asks for: first the file, which reserves the space, then the PersistentVolume, which the
 * cluster's own controller binds. Cut off anywhere, it goes on from what is there. When the node has no room, the claim
 * goes back to the scheduler.
 */
export async function provision(seen: Claim, parts: NodeParts, signal: AbortSignal): Promise<void> {
  // What is seen may be old: the scheduler may have chosen another node, or the claim may be gone.
  const claim = await parts.api.claims.get(keyOf(seen), signal);
  if (claim.metadata.uid !== seen.metadata.uid || !wantsVolume(claim, parts.nodeName)) return;
  const storageClass = parts.mirrors.classes.get({ name: claim.spec.storageClassName ?? "" });
  if (storageClass?.provisioner !== DRIVER_NAME) return;
  try {
    await provisionOn(claim, storageClass, parts, signal);
  } catch (error) {
    if (!(error instanceof LocalVolumeError)) throw error;
    await tell(claim, "Warning", "ProvisioningFailed", error.message, parts, signal);
    if (error.code !== "space_exhausted") throw error;
    parts.log.record("volume-without-space", { claim: claim.metadata.uid, reason: error.message });
    await giveBack(claim, parts, signal);
  }
}

async function provisionOn(
  claim: Claim,
  storageClass: StorageClass,
  parts: NodeParts,
  signal: AbortSignal,
): Promise<void> {
  const plan = planVolume(claim, storageClass, parts.nodeName);
  const present = parts.mirrors.volumes.get({ name: plan.volumeId });
  if (present !== undefined) return acceptPresent(present, plan.volumeId, parts, signal);
  const file = await parts.volumes.ensure(plan.volumeId, plan.sizeBytes);
  if (!(await createVolume(plan, parts, signal))) return;
  parts.log.record("volume-made", { volume: plan.volumeId, sizeBytes: file.sizeBytes });
  const message = `Made volume ${plan.volumeId} on node ${parts.nodeName}`;
  await tell(claim, "Normal", "ProvisioningSucceeded", message, parts, signal);
}

/** @returns whether it was made now */
async function createVolume({ volume, volumeId }: VolumePlan, parts: NodeParts, signal: AbortSignal): Promise<boolean> {
  try {
    await parts.api.volumes.create(volume, signal);
    return true;
  } catch (error) {
    if (!(error instanceof KubeError) || error.code !== "already_exists") throw error;
    const present = await parts.api.volumes.get({ name: volumeId }, signal);
    await acceptPresent(present, volumeId, parts, signal);
    return false;
  }
}

// An earlier try made it, or another node did before the scheduler chose this one: then that one is the volume.
async function acceptPresent(present: Volume, volumeId: string, parts: NodeParts, signal: AbortSignal): Promise<void> {
  if (isVolumeOf(parts.nodeName, present)) return;
  if (present.spec.csi?.driver === DRIVER_NAME) {
    const removed = await parts.volumes.removeUnwritten(volumeId, signal);
    parts.log.record("volume-elsewhere", { volume: volumeId, removed });
    return;
  }
  const got = `got "${volumeId}" of another driver`;
  throw new LocalVolumeError("volume_foreign", `Create PersistentVolume failed: ${got}, wanted the name free`);
}

/** Has the scheduler choose again, as the Kubernetes provisioner library does: `conflict` if somebody else already did. */
async function giveBack(claim: Claim, parts: NodeParts, signal: AbortSignal): Promise<void> {
  const annotations = { [ANNOTATIONS.selectedNode]: null };
  const { uid, resourceVersion } = claim.metadata;
  await parts.api.claims.patch(keyOf(claim), { metadata: { uid, resourceVersion, annotations } }, signal);
}

function tell(
  { metadata }: Claim,
  type: "Normal" | "Warning",
  reason: string,
  message: string,
  parts: NodeParts,
  signal: AbortSignal,
): Promise<void> {
  return parts.events.tell({ kind: "PersistentVolumeClaim", metadata }, { type, reason, message }, signal);
}
