import type { Duplex } from "node:stream";
import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { DEFAULT_LIMITS, type RpcLimits } from "./limits.ts";
import { ReconnectingSession } from "./reconnecting-session.ts";
import { type SessionManager, SingleSession } from "./single-session.ts";
import { transportErrors } from "./transport-errors.ts";

/** What every client of ours may be told. */
export interface RpcClientOptions {
  /** Time for each call that does not state its own `timeoutMs`. */
  readonly timeoutMs?: number;
  readonly limits?: Partial<RpcLimits>;
}

/** A typed client, and the way to let go of its connection. */
export interface RpcClient<S extends DescService> {
  readonly client: Client<S>;
  /** Cancels the calls under way and closes the connection. May be called again. */
  readonly close: () => Promise<void>;
}

/** Makes a client that lives as long as this one socket. */
export function clientOverSocket<S extends DescService>(
  service: S,
  socket: Duplex,
  authority: string,
  options: RpcClientOptions,
): RpcClient<S> {
  return clientOver(service, new SingleSession(socket, authority, limitsOf(options)), options);
}

/** Makes a client that opens a connection when it needs one, and another when that is gone. */
export function clientOverConnections<S extends DescService>(
  service: S,
  dial: () => Duplex,
  authority: string,
  options: RpcClientOptions,
): RpcClient<S> {
  return clientOver(service, new ReconnectingSession(dial, authority, limitsOf(options)), options);
}

function clientOver<S extends DescService>(
  service: S,
  sessionManager: SessionManager & { close(): Promise<void> },
  options: RpcClientOptions,
): RpcClient<S> {
  const { readMaxBytes, writeMaxBytes } = limitsOf(options);
  const transport = createGrpcTransport({
    baseUrl: sessionManager.authority,
    sessionManager,
    readMaxBytes,
    writeMaxBytes,
    // See RpcEndpoint: secrets are never compressed.
    acceptCompression: [],
    interceptors: [transportErrors],
    ...(options.timeoutMs === undefined ? {} : { defaultTimeoutMs: options.timeoutMs }),
  });
  return { client: createClient(service, transport), close: () => sessionManager.close() };
}

function limitsOf({ limits }: RpcClientOptions): RpcLimits {
  return { ...DEFAULT_LIMITS, ...limits };
}
