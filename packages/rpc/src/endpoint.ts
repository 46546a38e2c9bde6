import {
  constants,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { Socket } from "node:net";
import { type ConnectRouter, type ContextValues, createContextValues } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type ConnectionFacts, connectionFactsKey } from "./connection-facts.ts";
import { errorFunnel, RpcError, type StatusTable } from "./errors.ts";
import { cutOff, keepAlive } from "./keepalive.ts";
import { DEFAULT_LIMITS, type RpcLimits } from "./limits.ts";

/** What every server of ours is told, whatever carries its connections. */
export interface EndpointOptions {
  /** Registers the services. */
  readonly routes: (router: ConnectRouter) => void;
  /** gRPC status of each `code` that the handlers throw. */
  readonly statuses?: StatusTable;
  readonly limits?: Partial<RpcLimits>;
  /** Hears of each error of a handler or of the listener, in full; the caller gets only the part that is meant for it. */
  readonly onError?: (error: unknown) => void;
}

/**
 * What stands for the authority of every request. Peers write there what they like, and no service of ours looks at it;
 * connect makes a URL of it, and clients in Go name a unix socket there by its path.
 */
const AUTHORITY = "rpc.invalid";

type Handle = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

/** A gRPC server without a listener: it is given sockets, already authenticated by whoever accepted them. */
export class RpcEndpoint {
  readonly #limits: RpcLimits;
  readonly #onError: (error: unknown) => void;
  readonly #http2: Http2Server;
  readonly #facts = new WeakMap<object, ConnectionFacts>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #shutdown = new AbortController();

  constructor({ routes, statuses = {}, limits = {}, onError = () => {} }: EndpointOptions) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#onError = onError;
    const { maxConcurrentStreams, maxTimeoutMs, readMaxBytes, writeMaxBytes } = this.#limits;
    const handle = connectNodeAdapter({
      routes,
      grpc: true,
      grpcWeb: false,
      connect: false,
      maxTimeoutMs,
      readMaxBytes,
      writeMaxBytes,
      // Secrets and what a peer chooses share messages: compressed, their length would tell about both.
      acceptCompression: [],
      shutdownSignal: this.#shutdown.signal,
      interceptors: [errorFunnel(statuses, onError)],
      contextValues: (request) => this.#contextValues(request as Http2ServerRequest),
    });
    this.#http2 = createServer({ settings: { maxConcurrentStreams } }, this.#guarded(handle));
  }

  /** No request ends the process, whatever it says. */
  #guarded(handle: Handle): Handle {
    return (request, response) => {
      try {
        request.headers[":authority"] = AUTHORITY;
        handle(request, response);
      } catch (error) {
        this.#onError(error);
        request.stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
      }
    };
  }

  /** Connections that the endpoint takes at once. */
  get maxConnections(): number {
    return this.#limits.maxConnections;
  }

  /** Reports an error that belongs to no call. */
  report(error: unknown): void {
    this.#onError(error);
  }

  /** Serves gRPC on the socket; it belongs to the endpoint from now on. */
  accept(socket: Socket, facts: ConnectionFacts): void {
    if (this.#shutdown.signal.aborted || this.#sessions.size >= this.#limits.maxConnections) {
      socket.destroy();
      return;
    }
    // node:http2 creates the session and tells about it before emit() returns.
    const own = (session: ServerHttp2Session): void => this.#own(session, facts);
    this.#http2.once("session", own);
    this.#http2.emit("connection", socket);
    this.#http2.off("session", own);
  }

  /** Tells handlers to end, refuses new calls, and cuts off what is still open after the grace time. */
  async close(): Promise<void> {
    const ended = [...this.#sessions].map((session) => new Promise<void>((resolve) => session.once("close", resolve)));
    const closing = new RpcError("unavailable", "Serve call failed: got a close of the server, wanted none");
    this.#shutdown.abort(closing);
    for (const session of this.#sessions) session.close();
    const cut = setTimeout(() => {
      for (const session of this.#sessions) cutOff(session, closing);
    }, this.#limits.closeGraceMs);
    await Promise.all(ended);
    clearTimeout(cut);
  }

  #own(session: ServerHttp2Session, facts: ConnectionFacts): void {
    this.#facts.set(session, facts);
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
    keepAlive(session, this.#limits);
    this.#closeWhenIdle(session);
  }

  #closeWhenIdle(session: ServerHttp2Session): void {
    const start = (): NodeJS.Timeout => setTimeout(() => session.close(), this.#limits.idleTimeoutMs).unref();
    let open = 0;
    let timer = start();
    session.on("stream", (stream) => {
      open += 1;
      clearTimeout(timer);
      stream.once("close", () => {
        open -= 1;
        if (open === 0 && !session.closed) timer = start();
      });
    });
    session.once("close", () => clearTimeout(timer));
  }

  #contextValues(request: Http2ServerRequest): ContextValues {
    const session = request.stream.session;
    return createContextValues().set(connectionFactsKey, session && this.#facts.get(session));
  }
}
