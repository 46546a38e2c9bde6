import type { ConnectRouter } from "@connectrpc/connect";
import { Node } from "@constellation/rpc/csi/v1";
import type { NodeContext } from "./node/context.ts";
import { nodeService } from "./node/node-service.ts";
import { passThrough } from "./plugin/pass-through.ts";

/** Routes of the layer before one driver: node calls are ours, all others are the driver's. */
export function layerRoutes(context: NodeContext): (router: ConnectRouter) => void {
  return (router) => {
    passThrough(router, context.plugin);
    router.service(Node, nodeService(context));
  };
}
