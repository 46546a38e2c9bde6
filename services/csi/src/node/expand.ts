import { NodeServiceCapability_RPC_Type as Rpc, type NodeExpandVolumeRequest } from "@constellation/rpc/csi/v1";
import { CsiError } from "../errors.ts";
import type { Mapping } from "../kernel/mappings.ts";
import { asBlock, calling, nodeCapabilities } from "../plugin/attach.ts";
import { type VolumeNames, volumeNames } from "../volume/names.ts";
import { type NodeContext, required } from "./context.ts";

/**
 * Lets an open volume grow with its device: the vendor's part, the mapping, the file system. dm-integrity can't grow in
 * place, which cryptsetup 2.7 does not check, so a volume with integrity is refused before anything is asked or done.
 * @returns size of the mapping in bytes
 */
export async function expandVolume(context: NodeContext, request: NodeExpandVolumeRequest): Promise<bigint> {
  const volumeId = required("volume_id", request.volumeId);
  const path = required("volume_path", request.volumePath);
  const names = volumeNames(context.folders, context.driver, volumeId);
  return await context.locks.run(names.mapping, async () => {
    const { kernel, signal } = context;
    const mapping = await requireAt(context, names, path);
    if (mapping.integrity) {
      throw new CsiError(
        "integrity_resize",
        "Expand volume failed: got a volume with integrity, wanted one without; copy its data to a larger one",
      );
    }
    await expandDevice(context, names, request);
    await context.openVolumes.resize(names, mapping, signal);
    await growFileSystem(context, mapping);
    return BigInt((await kernel.mapping(names.mapping))?.sizeBytes ?? mapping.sizeBytes);
  });
}

/** The open volume, if the path is one of its own. @throws CsiError `not_found` */
export async function requireAt({ kernel }: NodeContext, names: VolumeNames, path: string): Promise<Mapping> {
  const mapping = await kernel.mapping(names.mapping);
  if (mapping !== undefined) {
    if ((await kernel.mountAt(path))?.device === mapping.device) return mapping;
    if ((await kernel.files.status(path))?.device === mapping.device) return mapping;
  }
  throw new CsiError("not_found", "Find volume failed: got no such volume at the path, wanted one");
}

async function expandDevice(
  { plugin, signal }: NodeContext,
  { vendorDevice, vendorStaging }: VolumeNames,
  { volumeId, capacityRange, volumeCapability, secrets }: NodeExpandVolumeRequest,
): Promise<void> {
  const capabilities = await nodeCapabilities(plugin, signal);
  if (!capabilities.has(Rpc.EXPAND_VOLUME)) return;
  await calling(
    plugin.node.nodeExpandVolume(
      {
        volumeId,
        volumePath: vendorDevice,
        volumeCapability: asBlock(volumeCapability),
        secrets,
        ...(capacityRange === undefined ? {} : { capacityRange }),
        ...(capabilities.has(Rpc.STAGE_UNSTAGE_VOLUME) ? { stagingTargetPath: vendorStaging } : {}),
      },
      { signal },
    ),
  );
}

/** Has the file system take all of its mapping. Both kinds grow while they are mounted; a block volume has none. */
export async function growFileSystem({ kernel, signal }: NodeContext, mapping: Mapping): Promise<void> {
  const mount = (await kernel.mounts()).find(({ device }) => device === mapping.device);
  if (mount === undefined) return;
  if (mount.type === "xfs") await kernel.run({ program: "xfs_growfs", args: [mount.target] }, signal);
  else await kernel.run({ program: "resize2fs", args: [mapping.path] }, signal);
}
