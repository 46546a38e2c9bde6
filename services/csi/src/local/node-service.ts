import type { ServiceImpl } from "@connectrpc/connect";
import { toConnectError } from "@constellation/rpc";
import { type Node, NodeServiceCapability_RPC_Type as Rpc, VolumeUsage_Unit as Unit } from "@constellation/rpc/csi/v1";
import { invalid, requireBlockAccess, requirePath } from "./check.ts";
import { STATUSES } from "./errors.ts";
import { requireVolumeId, TOPOLOGY_KEY } from "./names.ts";
import { type LocalVolumes, requireSize } from "./volumes.ts";

/** What the Node service is told. */
export interface LocalNodePorts {
  /** Name of this node's object. */
  readonly nodeName: string;
  readonly volumes: LocalVolumes;
}

const CAPABILITIES = [
  Rpc.STAGE_UNSTAGE_VOLUME,
  Rpc.GET_VOLUME_STATS,
  Rpc.EXPAND_VOLUME,
  Rpc.SINGLE_NODE_MULTI_WRITER,
] as const;

/**
 * CSI's Node service for volumes of this node, as block devices only: what stands on them is the encryption layer's.
 * Every call is safe to repeat. Errors have the statuses of the CSI specification whatever transport carries them.
 */
export function localNodeService({ nodeName, volumes }: LocalNodePorts): ServiceImpl<typeof Node> {
  return {
    nodeStageVolume: (request, { signal }) =>
      answer(async () => {
        const volumeId = requireVolumeId(request.volumeId);
        requirePath("staging_target_path", request.stagingTargetPath);
        requireBlockAccess(request.volumeCapability);
        await volumes.stage(volumeId, signal);
        return {};
      }),
    nodeUnstageVolume: (request, { signal }) =>
      answer(async () => {
        const volumeId = requireVolumeId(request.volumeId);
        requirePath("staging_target_path", request.stagingTargetPath);
        await volumes.unstage(volumeId, signal);
        return {};
      }),
    nodePublishVolume: (request, { signal }) =>
      answer(async () => {
        const volumeId = requireVolumeId(request.volumeId);
        const target = requirePath("target_path", request.targetPath);
        requireBlockAccess(request.volumeCapability);
        // A device node that is bound read-only can be written to all the same.
        if (request.readonly) throw invalid("readonly", `"true"`, `"false"`);
        await volumes.publish(volumeId, target, signal);
        return {};
      }),
    nodeUnpublishVolume: (request, { signal }) =>
      answer(async () => {
        const volumeId = requireVolumeId(request.volumeId);
        await volumes.unpublish(volumeId, requirePath("target_path", request.targetPath), signal);
        return {};
      }),
    nodeExpandVolume: (request, { signal }) =>
      answer(async () => {
        const volumeId = requireVolumeId(request.volumeId);
        requirePath("volume_path", request.volumePath);
        if (request.volumeCapability !== undefined) requireBlockAccess(request.volumeCapability);
        const requiredBytes = requireSize("capacity_range.required_bytes", request.capacityRange?.requiredBytes ?? 0n);
        const limitBytes = requireSize("capacity_range.limit_bytes", request.capacityRange?.limitBytes ?? 0n);
        return { capacityBytes: BigInt(await volumes.expand(volumeId, { requiredBytes, limitBytes }, signal)) };
      }),
    nodeGetVolumeStats: (request, { signal }) =>
      answer(async () => {
        const volumeId = requireVolumeId(request.volumeId);
        const path = requirePath("volume_path", request.volumePath);
        const { totalBytes, usedBytes } = await volumes.usage(volumeId, path, signal);
        const [total, used] = [BigInt(totalBytes), BigInt(usedBytes)];
        return { usage: [{ unit: Unit.BYTES, total, used, available: total > used ? total - used : 0n }] };
      }),
    nodeGetCapabilities: () => ({
      capabilities: CAPABILITIES.map((type) => ({ type: { case: "rpc" as const, value: { type } } })),
    }),
    nodeGetInfo: () => ({
      nodeId: nodeName,
      accessibleTopology: { segments: { [TOPOLOGY_KEY]: nodeName } },
    }),
  };
}

async function answer<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toConnectError(error, STATUSES);
  }
}
