import type { ClientSessionOptions } from "node:http2";
import type { Duplex } from "node:stream";
import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { DEFAULT_LIMITS, type RpcLimits } from "./limits.ts";
import { SingleSession } from "./single-session.ts";
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
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const sessionManager = new SingleSession(socket, authority, limits);
  const transport = createGrpcTransport({ ...transportOptions(options, limits), baseUrl: authority, sessionManager });
  return { client: createClient(service, transport), close: () => sessionManager.close() };
}

/** Makes a client that opens a connection when it needs one, and another when that is gone. */
export function clientOverConnections<S extends DescService>(
  service: S,
  connect: () => Duplex,
  authority: string,
  options: RpcClientOptions,
): RpcClient<S> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { pingIntervalMs, pingTimeoutMs, idleTimeoutMs: idleConnectionTimeoutMs } = limits;
  const nodeOptions: ClientSessionOptions = { createConnection: connect, settings: { enablePush: false } };
  const pings = { pingIntervalMs, pingTimeoutMs, idleConnectionTimeoutMs };
  const sessionManager = new Http2SessionManager(authority, pings, nodeOptions);
  const transport = createGrpcTransport({ ...transportOptions(options, limits), baseUrl: authority, sessionManager });
  return { client: createClient(service, transport), close: async () => sessionManager.abort() };
}

function transportOptions({ timeoutMs }: RpcClientOptions, { readMaxBytes, writeMaxBytes }: RpcLimits) {
  return {
    readMaxBytes,
    writeMaxBytes,
    acceptCompression: [],
    interceptors: [transportErrors],
    ...(timeoutMs === undefined ? {} : { defaultTimeoutMs: timeoutMs }),
  };
}
