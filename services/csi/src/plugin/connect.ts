import { type ConnectRouter, createClient, createRouterTransport } from "@connectrpc/connect";
import { createUnixClient } from "@constellation/rpc";
import { Controller, Identity, Node } from "@constellation/rpc/csi/v1";
import type { Plugin } from "./plugin.ts";

/** Vendors may take minutes to attach a device. */
const CALL_TIMEOUT_MS = 10 * 60_000;

/** A plugin behind a unix socket. */
export function unixPlugin(socketPath: string): Plugin {
  const options = { timeoutMs: CALL_TIMEOUT_MS };
  const identity = createUnixClient(Identity, socketPath, options);
  const node = createUnixClient(Node, socketPath, options);
  const controller = createUnixClient(Controller, socketPath, options);
  return {
    identity: identity.client,
    node: node.client,
    controller: controller.client,
    async close() {
      await Promise.all([identity.close(), node.close(), controller.close()]);
    },
  };
}

/** A plugin in this process. */
export function inProcessPlugin(routes: (router: ConnectRouter) => void): Plugin {
  const transport = createRouterTransport(routes);
  return {
    identity: createClient(Identity, transport),
    node: createClient(Node, transport),
    controller: createClient(Controller, transport),
    close: () => Promise.resolve(),
  };
}
