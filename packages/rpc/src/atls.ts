import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import type { DescService } from "@bufbuild/protobuf";
import { type ANONYMOUS, AtlsServer, type AtlsServerOptions } from "@constellation/atls";
import { clientOverSocket, type RpcClient, type RpcClientOptions } from "./client.ts";
import { type EndpointOptions, RpcEndpoint } from "./endpoint.ts";
import type { RpcServer } from "./server.ts";

/** A gRPC server on attested TLS. */
export interface ServeAtlsOptions<P> extends Omit<AtlsServerOptions<P>, "onConnection">, EndpointOptions {
  readonly host: string;
  readonly port: number;
}

/** Serves gRPC to clients that were attested (or are anonymous by explicit choice); handlers ask `peerOf(context)`. @throws AtlsError */
export async function serveAtls<P = typeof ANONYMOUS>(options: ServeAtlsOptions<P>): Promise<RpcServer<AddressInfo>> {
  const endpoint = new RpcEndpoint(options);
  const server = new AtlsServer<P>({
    ...options,
    onConnection: (socket, peer) =>
      endpoint.accept(socket, { kind: "atls", peer, remoteAddress: socket.remoteAddress }),
  });
  const address = await server.listen(options);
  return {
    address,
    async close() {
      await server.close();
      await endpoint.close();
    },
  };
}

/** Makes a client over a socket of `connectAtls()`. When the socket is gone, so is the client: it never reconnects. */
export function createAtlsClient<S extends DescService>(
  service: S,
  { socket, ...options }: { readonly socket: TLSSocket } & RpcClientOptions,
): RpcClient<S> {
  return clientOverSocket(service, socket, "https://attested.invalid", options);
}
