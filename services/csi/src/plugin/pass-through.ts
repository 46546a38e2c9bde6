import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import { Controller, Identity } from "@constellation/rpc/csi/v1";
import { calling } from "./attach.ts";
import type { Plugin } from "./plugin.ts";

type Unary = (request: unknown, options: { signal: AbortSignal }) => Promise<never>;

/** Hands all calls of the identity and controller services on to the plugin as they are. */
export function passThrough(router: ConnectRouter, plugin: Plugin): void {
  router.service(Identity, forward(Identity, plugin.identity) as ServiceImpl<typeof Identity>);
  router.service(Controller, forward(Controller, plugin.controller) as ServiceImpl<typeof Controller>);
}

/** All methods of both services are unary. */
function forward(service: typeof Identity | typeof Controller, client: object): object {
  const methods = Object.values(service.method).map(({ localName }) => {
    const call = (client as Record<string, Unary>)[localName]!;
    return [
      localName,
      (request: unknown, context: { signal: AbortSignal }) => calling(call(request, { signal: context.signal })),
    ];
  });
  return Object.fromEntries(methods);
}
