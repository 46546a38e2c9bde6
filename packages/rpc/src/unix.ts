import { chmod, lstat, unlink } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import type { DescService } from "@bufbuild/protobuf";
import { clientOverConnections, type RpcClient, type RpcClientOptions } from "./client.ts";
import { type EndpointOptions, RpcEndpoint } from "./endpoint.ts";
import { closeServer, listen, type RpcServer } from "./server.ts";

/** A gRPC server on a unix socket. */
export interface ServeUnixOptions extends EndpointOptions {
  readonly path: string;
  /** Permission bits of the socket, for example 0o600. */
  readonly mode: number;
}

/**
 * Serves gRPC on a unix socket. A socket that a dead process left at the path is replaced; one that answers is not.
 * @throws RpcError "unavailable"
 */
export async function serveUnix(options: ServeUnixOptions): Promise<RpcServer<string>> {
  const { path, mode } = options;
  const endpoint = new RpcEndpoint(options);
  const server = createServer((socket) => endpoint.accept(socket, { kind: "unix" }));
  if (await isStale(path)) await unlink(path);
  await listenPrivately(server, endpoint, path);
  await chmod(path, mode);
  return { address: path, close: () => closeServer(server, endpoint) };
}

/** Makes a client over a unix socket. */
export function createUnixClient<S extends DescService>(
  service: S,
  socketPath: string,
  options: RpcClientOptions = {},
): RpcClient<S> {
  return clientOverConnections(service, () => connect(socketPath), "http://unix.invalid", options);
}

/** Binds with no permission for others: between bind and chmod nobody else may slip in. listen() binds before it returns. */
function listenPrivately(server: Server, endpoint: RpcEndpoint, path: string): Promise<void> {
  const before = process.umask(0o177);
  try {
    return listen(server, endpoint, { path });
  } finally {
    process.umask(before);
  }
}

async function isStale(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined || !found.isSocket()) return false;
  return await new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
  });
}
