import type { NodePublishVolumeRequest, NodeUnpublishVolumeRequest } from "@constellation/rpc/csi/v1";
import { CsiError } from "../errors.ts";
import type { Mapping } from "../kernel/mappings.ts";
import { isSingleWriter, parseAccess } from "../plugin/access.ts";
import { type VolumeNames, volumeNames } from "../volume/names.ts";
import { type NodeContext, required, requiredPath, requireOpen } from "./context.ts";

/** Binds a staged volume, or its device node, to where one pod has it. */
export async function publishVolume(context: NodeContext, request: NodePublishVolumeRequest): Promise<void> {
  const volumeId = required("volume_id", request.volumeId);
  const target = requiredPath("target_path", request.targetPath);
  const access = parseAccess(request.volumeCapability);
  // Volumes that a pod's specification holds have no PersistentVolume, and so no record to be checked against.
  const staging = requiredPath("staging_target_path", request.stagingTargetPath);
  const names = volumeNames(context.folders, context.driver, volumeId);
  const readOnly = request.readonly || access.readOnly;
  await context.locks.run(names.mapping, async () => {
    const mapping = await requireOpen(context.kernel, names);
    if (isSingleWriter(request.volumeCapability)) await refuseSecond(context, mapping, [staging, target]);
    if (access.kind === "block") return await publishDevice(context, mapping, target, readOnly);
    await publishMount(context, mapping, { staging, target, readOnly });
  });
}

/** A volume that one pod alone may have is published at one path (CSI specification, "NodePublishVolume"). */
async function refuseSecond({ kernel }: NodeContext, mapping: Mapping, own: readonly string[]): Promise<void> {
  const others = (await kernel.mountsOf(mapping)).filter(({ target }) => !own.includes(target));
  if (others.length === 0) return;
  throw new CsiError("published_elsewhere", "Publish volume failed: got a volume that another pod has, wanted none");
}

async function publishMount(
  { kernel, signal }: NodeContext,
  mapping: Mapping,
  { staging, target, readOnly }: { staging: string; target: string; readOnly: boolean },
): Promise<void> {
  if ((await kernel.mountAt(staging))?.device !== mapping.device) {
    throw new CsiError("not_staged", "Publish volume failed: got no mount of it at the staging path, wanted one");
  }
  const found = await kernel.mountAt(target);
  if (found !== undefined && (found.device !== mapping.device || (found.readOnly && !readOnly))) {
    throw new CsiError("already_published", "Publish volume failed: got another mount at the target path, wanted none");
  }
  if (found === undefined) {
    await kernel.files.makeDirectory(target);
    await kernel.mount({ source: staging, target }, signal);
  }
  if (readOnly && found?.readOnly !== true) await kernel.remountReadOnly(target, signal);
}

async function publishDevice(
  { kernel, signal }: NodeContext,
  mapping: Mapping,
  target: string,
  readOnly: boolean,
): Promise<void> {
  const found = await kernel.mountAt(target);
  if (found !== undefined && (await kernel.files.status(target))?.device !== mapping.device) {
    throw new CsiError("already_published", "Publish volume failed: got another mount at the target path, wanted none");
  }
  if (found === undefined) {
    await kernel.files.makeFile(target);
    await kernel.mount({ source: mapping.path, target }, signal);
  }
  if (readOnly && found?.readOnly !== true) await kernel.remountReadOnly(target, signal);
}

/** Takes a volume away from a pod. */
export async function unpublishVolume(context: NodeContext, request: NodeUnpublishVolumeRequest): Promise<void> {
  const volumeId = required("volume_id", request.volumeId);
  const target = requiredPath("target_path", request.targetPath);
  const names: VolumeNames = volumeNames(context.folders, context.driver, volumeId);
  await context.locks.run(names.mapping, async () => {
    await context.kernel.unmount(target, context.signal);
    await context.kernel.files.remove(target);
  });
}
