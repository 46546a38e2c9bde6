import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import {
  NodeServiceCapability_RPC_Type as Rpc,
  type NodeStageVolumeRequest,
  type VolumeCapability,
  VolumeCapabilitySchema,
} from "@constellation/rpc/csi/v1";
import { CsiError } from "../errors.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { VolumeNames } from "../volume/names.ts";
import type { Plugin } from "./plugin.ts";

/** What a plugin's node service can do. */
export async function nodeCapabilities(plugin: Plugin, signal: AbortSignal): Promise<ReadonlySet<Rpc>> {
  const { capabilities } = await calling(plugin.node.nodeGetCapabilities({}, { signal }));
  return new Set(capabilities.flatMap(({ type }) => (type.case === "rpc" ? [type.value.type] : [])));
}

/**
 * Has the vendor stage and publish a volume as a block device at paths of ours. Both calls are safe to repeat, as the
 * CSI specification has it, and are repeated each time.
 */
export async function attach(
  { plugin, kernel, names }: { plugin: Plugin; kernel: Kernel; names: VolumeNames },
  request: NodeStageVolumeRequest,
  signal: AbortSignal,
): Promise<void> {
  const { volumeId, publishContext, volumeContext, secrets } = request;
  const common = { volumeId, publishContext, volumeContext, secrets };
  const volumeCapability = asBlock(request.volumeCapability);
  const stages = (await nodeCapabilities(plugin, signal)).has(Rpc.STAGE_UNSTAGE_VOLUME);
  const stagingTargetPath = names.vendorStaging;
  await kernel.files.makeDirectory(stagingTargetPath);
  if (stages) {
    await calling(plugin.node.nodeStageVolume({ ...common, stagingTargetPath, volumeCapability }, { signal }));
  }
  const publish = {
    ...common,
    targetPath: names.vendorDevice,
    volumeCapability,
    // Read-only is the mapping, or the mount: a device node that is bound read-only can be written to all the same.
    readonly: false,
  };
  const request_ = stages ? { ...publish, stagingTargetPath } : publish;
  await calling(plugin.node.nodePublishVolume(request_, { signal }));
}

/** Has the vendor take a volume away again, and removes our paths. */
export async function detach(
  { plugin, kernel, names }: { plugin: Plugin; kernel: Kernel; names: VolumeNames },
  volumeId: string,
  signal: AbortSignal,
): Promise<void> {
  const { vendorDevice, vendorStaging } = names;
  await calling(plugin.node.nodeUnpublishVolume({ volumeId, targetPath: vendorDevice }, { signal }));
  if ((await nodeCapabilities(plugin, signal)).has(Rpc.STAGE_UNSTAGE_VOLUME)) {
    await calling(plugin.node.nodeUnstageVolume({ volumeId, stagingTargetPath: vendorStaging }, { signal }));
  }
  for (const path of [vendorDevice, vendorStaging, vendorStaging.slice(0, vendorStaging.lastIndexOf("/"))]) {
    await kernel.files.remove(path);
  }
}

/** The same access to the volume, as a block device. */
export function asBlock(capability: VolumeCapability | undefined): MessageInitShape<typeof VolumeCapabilitySchema> {
  const { accessMode } = capability ?? create(VolumeCapabilitySchema);
  const accessType = { case: "block", value: {} } as const;
  return accessMode === undefined ? { accessType } : { accessType, accessMode };
}

/** A vendor's error keeps its gRPC status: the kubelet acts on it. */
export async function calling<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    const { code, rawMessage } = ConnectError.from(cause);
    if (cause instanceof CsiError) throw cause;
    throw new ConnectError(`Call storage driver failed: ${rawMessage}`, code, undefined, undefined, cause);
  }
}
