import type { AddressInfo, ListenOptions, Server } from "node:net";
import type { RpcEndpoint } from "./endpoint.ts";
import { RpcError } from "./errors.ts";

/** A running gRPC server. */
export interface RpcServer<Address = AddressInfo> {
  readonly address: Address;
  /** Stops listening, tells handlers to end, and resolves when every connection is closed. May be called again. */
  readonly close: () => Promise<void>;
}

/** Starts listening on behalf of an endpoint. @throws RpcError "unavailable" */
export function listen(server: Server, endpoint: RpcEndpoint, options: ListenOptions): Promise<void> {
  server.maxConnections = endpoint.maxConnections;
  return new Promise((resolve, reject) => {
    const onError = (cause: Error): void => {
      const where = options.path ?? `${options.host}:${options.port}`;
      reject(new RpcError("unavailable", `Listen on "${where}" failed: ${cause.message}`, { cause }));
    };
    server.once("error", onError);
    server.listen(options, () => {
      server.off("error", onError);
      // An error after this is of one accepted connection, or of none at all; the next one may do.
      server.on("error", (error) => endpoint.report(error));
      resolve();
    });
  });
}

/** Closes listener and endpoint. */
export async function closeServer(server: Server, endpoint: RpcEndpoint): Promise<void> {
  server.close();
  await endpoint.close();
}
