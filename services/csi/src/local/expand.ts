import { LocalVolumeError } from "./errors.ts";
import { timeOf } from "./events.ts";
import type { Claim, ClaimCondition, Volume } from "./kube-types.ts";
import { INTEGRITY_ATTRIBUTE } from "./names.ts";
import { keyOf, type NodeParts } from "./node-parts.ts";
import { isVolumeOf, requestedBytes } from "./persistent-volume.ts";
import { formatQuantity, parseQuantity } from "./quantity.ts";

/** What is left to do for a claim that asks for more than it has. */
export type ExpansionStep = "none" | "grow" | "hand-over";

const STORAGE = "storage";
// Conditions that speak of a resize (core/v1, PersistentVolumeClaimConditionType).
const RESIZE_CONDITIONS: ReadonlySet<string> = new Set([
  "Resizing",
  "FileSystemResizePending",
  "ControllerResizeError",
  "NodeResizeError",
]);
// The kubelet is at it, or has given up: it is not told again.
const WITH_KUBELET: ReadonlySet<string | undefined> = new Set([
  "NodeResizePending",
  "NodeResizeInProgress",
  "NodeResizeInfeasible",
]);

/** The next step of the resize protocol, by what claim and volume say. */
export function expansionStep(claim: Claim, volume: Volume): ExpansionStep {
  if (claim.status?.phase !== "Bound" || claim.metadata.deletionTimestamp !== undefined) return "none";
  const has = parseQuantity(claim.status.capacity?.[STORAGE] ?? "0");
  const requested = requestedBytes(claim);
  if (requested <= has) return "none";
  if (requested > parseQuantity(volume.spec.capacity[STORAGE] ?? "0")) return "grow";
  return WITH_KUBELET.has(claim.status.allocatedResourceStatuses?.[STORAGE]) ? "none" : "hand-over";
}

/** Whether a claim is bound to a volume of this node, and which. */
export function volumeOfClaim(claim: Claim, parts: Pick<NodeParts, "nodeName" | "mirrors">): Volume | undefined {
  const volume = parts.mirrors.volumes.get({ name: claim.spec.volumeName ?? "" });
  if (volume === undefined || !isVolumeOf(parts.nodeName, volume)) return undefined;
  return volume.spec.claimRef?.uid === claim.metadata.uid ? volume : undefined;
}

/**
 * Grows a volume as a resizer does: claim says "Resizing", the file reserves the space, the PersistentVolume gets its new
 * size, the claim says that the rest is the kubelet's. The kubelet then calls NodeExpandVolume and ends the resize. Each
 * step is found again by what the objects say.
 */
export async function expand(seen: Claim, parts: NodeParts, signal: AbortSignal): Promise<void> {
  const claim = await parts.api.claims.get(keyOf(seen), signal);
  const mirrored = volumeOfClaim(claim, parts);
  if (claim.metadata.uid !== seen.metadata.uid || mirrored === undefined) return;
  const volume = await parts.api.volumes.get(keyOf(mirrored), signal);
  const step = expansionStep(claim, volume);
  if (step === "none") return;
  const sizeBytes = requestedBytes(claim);
  const current = step === "grow" ? await grow(claim, volume, sizeBytes, parts, signal) : claim;
  const pending = condition("FileSystemResizePending", "Waiting for the kubelet to grow what is on the volume", parts);
  await setResize(current, { status: "NodeResizePending", conditions: [pending] }, parts, signal);
  parts.log.record("volume-grown", { volume: volume.metadata.name, sizeBytes });
}

async function grow(
  claim: Claim,
  volume: Volume,
  sizeBytes: number,
  parts: NodeParts,
  signal: AbortSignal,
): Promise<Claim> {
  const started = { status: "ControllerResizeInProgress", sizeBytes, conditions: [condition("Resizing", "", parts)] };
  const marked = await setResize(claim, started, parts, signal);
  try {
    requireGrowable(volume);
    await parts.volumes.files.require(volume.metadata.name);
    await parts.volumes.ensure(volume.metadata.name, sizeBytes);
  } catch (error) {
    if (error instanceof LocalVolumeError) await tellFailure(marked, error, parts, signal);
    throw error;
  }
  const { resourceVersion } = volume.metadata;
  const capacity = { [STORAGE]: formatQuantity(sizeBytes) };
  await parts.api.volumes.patch(keyOf(volume), { metadata: { resourceVersion }, spec: { capacity } }, signal);
  return marked;
}

function requireGrowable({ spec }: Volume): void {
  if (spec.csi?.volumeAttributes?.[INTEGRITY_ATTRIBUTE] !== "true") return;
  throw new LocalVolumeError(
    "claim_unsupported",
    "Expand volume failed: got a volume with integrity, wanted one without",
  );
}

// "Infeasible" lets the user ask for less again (KEP-1790).
async function tellFailure(
  claim: Claim,
  error: LocalVolumeError,
  parts: NodeParts,
  signal: AbortSignal,
): Promise<void> {
  const happening = { type: "Warning", reason: "VolumeResizeFailed", message: error.message } as const;
  await parts.events.tell({ kind: "PersistentVolumeClaim", metadata: claim.metadata }, happening, signal);
  const conditions = [condition("ControllerResizeError", error.message, parts)];
  await setResize(claim, { status: "ControllerResizeInfeasible", conditions }, parts, signal);
}

interface ResizeState {
  readonly status: string;
  readonly sizeBytes?: number;
  readonly conditions: readonly ClaimCondition[];
}

/** Writes where the resize stands, if the claim is still as it was read. */
function setResize(
  claim: Claim,
  { status, sizeBytes, conditions }: ResizeState,
  parts: NodeParts,
  signal: AbortSignal,
): Promise<Claim> {
  const others = (claim.status?.conditions ?? []).filter(({ type }) => !RESIZE_CONDITIONS.has(type));
  const patch = {
    metadata: { uid: claim.metadata.uid, resourceVersion: claim.metadata.resourceVersion },
    status: {
      conditions: [...others, ...conditions],
      allocatedResourceStatuses: { [STORAGE]: status },
      ...(sizeBytes === undefined ? {} : { allocatedResources: { [STORAGE]: formatQuantity(sizeBytes) } }),
    },
  };
  return parts.api.claims.patchStatus(keyOf(claim), patch, signal);
}

function condition(type: string, message: string, { now }: Pick<NodeParts, "now">): ClaimCondition {
  const shown = message.slice(0, 1_000);
  return { type, status: "True", lastTransitionTime: timeOf(now()), ...(shown === "" ? {} : { message: shown }) };
}
