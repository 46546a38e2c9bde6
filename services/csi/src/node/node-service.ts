import type { ServiceImpl } from "@connectrpc/connect";
import { NodeServiceCapability_RPC_Type as Rpc, type Node } from "@constellation/rpc/csi/v1";
import { calling, nodeCapabilities } from "../plugin/attach.ts";
import type { NodeContext } from "./context.ts";
import { expandVolume } from "./expand.ts";
import { publishVolume, unpublishVolume } from "./publish.ts";
import { stageVolume, unstageVolume } from "./stage.ts";
import { volumeStats } from "./stats.ts";

/** What the layer does itself, whatever the vendor can do. */
const OWN = [Rpc.STAGE_UNSTAGE_VOLUME, Rpc.GET_VOLUME_STATS, Rpc.EXPAND_VOLUME] as const;

/** CSI's node service with encryption between the kubelet and a vendor's plugin. */
export function nodeService(context: NodeContext): ServiceImpl<typeof Node> {
  return {
    async nodeStageVolume(request) {
      await stageVolume(context, request);
      return {};
    },
    async nodeUnstageVolume(request) {
      await unstageVolume(context, request);
      return {};
    },
    async nodePublishVolume(request) {
      await publishVolume(context, request);
      return {};
    },
    async nodeUnpublishVolume(request) {
      await unpublishVolume(context, request);
      return {};
    },
    async nodeExpandVolume(request) {
      return { capacityBytes: await expandVolume(context, request) };
    },
    nodeGetVolumeStats: (request) => volumeStats(context, request),
    async nodeGetCapabilities(_, { signal }) {
      const vendors = await nodeCapabilities(context.plugin, signal);
      // Ownership of files and the vendor's view of a device's health are not the vendor's to tell here.
      const kept = vendors.has(Rpc.SINGLE_NODE_MULTI_WRITER) ? [Rpc.SINGLE_NODE_MULTI_WRITER] : [];
      const capabilities = [...OWN, ...kept].map((type) => ({ type: { case: "rpc" as const, value: { type } } }));
      return { capabilities };
    },
    nodeGetInfo: (request, { signal }) => calling(context.plugin.node.nodeGetInfo(request, { signal })),
  };
}
