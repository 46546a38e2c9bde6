import type { AddressInfo, ListenOptions, Server } from "node:net";
import type { RpcEndpoint } from "./endpoint.ts";
import { RpcError } from "./errors.ts";

/** A running gRPC server. */
export interface RpcServer<Address = AddressInfo> {
  readonly address: Address;
  /** Stops listening, tells handlers to end, and resolves when every connection is closed. May be called again. */
  readonly close: () => Promise<void>;
}

/** Starts listening. @throws RpcError "unavailable" */
export function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error): void => {
      const where = options.path ?? `${options.host}:${options.port}`;
      reject(new RpcError("unavailable", `Listen on "${where}" failed: ${cause.message}`, { cause }));
    };
    server.once("error", onError);
    server.listen(options, () => {
      server.off("error", onError);
      resolve();
    });
  });
}

/** Closes listener and endpoint. */
export async function closeServer(server: Server, endpoint: RpcEndpoint): Promise<void> {
  server.close();
  await endpoint.close();
}
