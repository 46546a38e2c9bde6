import type { NodeStageVolumeRequest, NodeUnstageVolumeRequest } from "@constellation/rpc/csi/v1";
import { describeError } from "@constellation/pod";
import { CsiError } from "../errors.ts";
import type { Mapping } from "../kernel/mappings.ts";
import { type Access, parseAccess } from "../plugin/access.ts";
import { attach, detach } from "../plugin/attach.ts";
import { mountFlags, parseFileSystem } from "../volume/file-systems.ts";
import { type VolumeNames, volumeNames } from "../volume/names.ts";
import { type NodeContext, required, requiredPath } from "./context.ts";
import { growFileSystem } from "./expand.ts";

/**
 * Has the vendor bring the device, opens the encryption over it, mounts the file system where the kubelet wants it. A
 * volume follows a change of keys here, too: it may be open for a shorter time than lies between two passes. The file
 * system gets all of the device, which may be larger than that of the snapshot or volume that it was made from.
 */
export async function stageVolume(context: NodeContext, request: NodeStageVolumeRequest): Promise<void> {
  const volumeId = required("volume_id", request.volumeId);
  const target = requiredPath("staging_target_path", request.stagingTargetPath);
  const access = parseAccess(request.volumeCapability);
  const names = volumeNames(context.folders, context.driver, volumeId);
  await context.locks.run(names.mapping, async () => {
    const { kernel, plugin, signal } = context;
    const before = await kernel.mapping(names.mapping);
    await attach({ plugin, kernel, names }, request, signal);
    const fileSystem = access.kind === "mount" ? access.fileSystem : undefined;
    const volume = { driver: context.driver, volumeId, names, fileSystem, readOnly: access.readOnly };
    const mapping = await context.volumes.open(volume, signal);
    await context.rekeyer.follow(names, signal);
    if (access.kind === "block") return;
    try {
      await mountStaged(context, mapping, target, access);
      if (!access.readOnly && !mapping.integrity) await growStaged(context, mapping, target);
    } catch (error) {
      throw before === undefined ? await context.volumes.closeAfter(error, names) : error;
    }
  });
}

async function mountStaged(
  { kernel, signal }: NodeContext,
  mapping: Mapping,
  target: string,
  access: Access & { kind: "mount" },
): Promise<void> {
  const found = await kernel.mountAt(target);
  if (found?.device === mapping.device) return;
  if (found !== undefined) {
    throw new CsiError("kernel", `Mount volume failed: got another mount at the staging path, wanted none`);
  }
  await kernel.files.makeDirectory(target);
  const type = parseFileSystem(access.fileSystem, mapping);
  const flags = [...access.flags, ...mountFlags(type), ...(access.readOnly ? ["ro"] : [])];
  await kernel.mount({ source: mapping.path, target, type, flags }, signal);
}

/** A file system that can't grow, as one with errors, can still be used: it is staged as it is. */
async function growStaged(context: NodeContext, mapping: Mapping, target: string): Promise<void> {
  const { kernel, log } = context;
  if ((await kernel.mountAt(target))?.readOnly !== false) return;
  try {
    await growFileSystem(context, mapping);
  } catch (error) {
    log.record("grow-failed", { luksUuid: mapping.luksUuid, error: describeError(error) });
  }
}

/** Undoes staging: unmounts, closes the encryption, has the vendor take the device away. */
export async function unstageVolume(context: NodeContext, request: NodeUnstageVolumeRequest): Promise<void> {
  const volumeId = required("volume_id", request.volumeId);
  const target = requiredPath("staging_target_path", request.stagingTargetPath);
  const names = volumeNames(context.folders, context.driver, volumeId);
  await context.locks.run(names.mapping, async () => {
    const { kernel, plugin, signal } = context;
    await refuseWhilePublished(context, names, target);
    await kernel.unmount(target, signal);
    await context.volumes.close(names, signal);
    await detach({ plugin, kernel, names }, volumeId, signal);
  });
}

async function refuseWhilePublished({ kernel }: NodeContext, names: VolumeNames, target: string): Promise<void> {
  const mapping = await kernel.mapping(names.mapping);
  if (mapping === undefined) return;
  const others = (await kernel.mountsOf(mapping)).filter((mount) => mount.target !== target);
  if (others.length === 0) return;
  throw new CsiError("still_published", `Unstage volume failed: got ${others.length} mounts of it, wanted none`);
}
