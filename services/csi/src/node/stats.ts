import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type NodeGetVolumeStatsRequest,
  type NodeGetVolumeStatsResponseSchema,
  VolumeUsage_Unit as Unit,
} from "@constellation/rpc/csi/v1";
import { volumeNames } from "../volume/names.ts";
import { type NodeContext, required } from "./context.ts";
import { requireAt } from "./expand.ts";

/** How full a volume is: its file system, or the size of its device. */
export async function volumeStats(
  context: NodeContext,
  request: NodeGetVolumeStatsRequest,
): Promise<MessageInitShape<typeof NodeGetVolumeStatsResponseSchema>> {
  const volumeId = required("volume_id", request.volumeId);
  const path = required("volume_path", request.volumePath);
  const mapping = await requireAt(context, volumeNames(context.folders, context.driver, volumeId), path);
  const { files } = context.kernel;
  if ((await files.status(path))?.kind === "block") {
    return { usage: [{ unit: Unit.BYTES, total: BigInt(mapping.sizeBytes) }] };
  }
  const { bytes, inodes } = await files.use(path);
  return {
    usage: [
      { unit: Unit.BYTES, ...bytes },
      { unit: Unit.INODES, ...inodes },
    ],
  };
}
