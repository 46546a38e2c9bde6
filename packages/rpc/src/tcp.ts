import { type AddressInfo, createServer, connect } from "node:net";
import type { DescService } from "@bufbuild/protobuf";
import { clientOverConnections, type RpcClient, type RpcClientOptions } from "./client.ts";
import { type EndpointOptions, RpcEndpoint } from "./endpoint.ts";
import { closeServer, listen, type RpcServer } from "./server.ts";

/** A gRPC server on plain TCP: for what is public and proves itself, such as evidence. */
export interface ServeTcpOptions extends EndpointOptions {
  readonly host: string;
  readonly port: number;
}

/** Serves gRPC on plain TCP. @throws RpcError "unavailable" */
export async function serveTcp(options: ServeTcpOptions): Promise<RpcServer<AddressInfo>> {
  const endpoint = new RpcEndpoint(options);
  const server = createServer((socket) => endpoint.accept(socket, { kind: "tcp" }));
  await listen(server, endpoint, { host: options.host, port: options.port });
  return { address: server.address() as AddressInfo, close: () => closeServer(server, endpoint) };
}

/** Makes a client over plain TCP. */
export function createTcpClient<S extends DescService>(
  service: S,
  { host, port, ...options }: { readonly host: string; readonly port: number } & RpcClientOptions,
): RpcClient<S> {
  return clientOverConnections(service, () => connect({ host, port }), "http://plain.invalid", options);
}
