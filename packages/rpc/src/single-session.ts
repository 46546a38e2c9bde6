import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  connect,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Duplex } from "node:stream";
import { RpcError } from "./errors.ts";
import { cutOff, keepAlive } from "./keepalive.ts";
import type { RpcLimits } from "./limits.ts";

/** What connect-node asks of whoever holds the HTTP/2 session of a transport. */
export interface SessionManager {
  readonly authority: string;
  request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: Omit<ClientSessionRequestOptions, "signal">,
  ): Promise<ClientHttp2Stream>;
  notifyResponseByteRead(stream: ClientHttp2Stream): void;
}

/**
 * The one HTTP/2 session over a socket that was opened, and maybe attested, by someone else. It never reconnects:
 * another socket would be another peer.
 */
export class SingleSession implements SessionManager {
  readonly authority: string;
  readonly #session: ClientHttp2Session;
  readonly #connected: Promise<void>;

  constructor(socket: Duplex, authority: string, limits: RpcLimits) {
    this.authority = authority;
    this.#session = connect(authority, { createConnection: () => socket, settings: { enablePush: false } });
    this.#connected = connected(this.#session);
    keepAlive(this.#session, limits);
  }

  /** Whether no more calls can be made. */
  get closed(): boolean {
    return this.#session.closed || this.#session.destroyed;
  }

  /** Opens a stream for one call. @throws RpcError "unavailable" once the session is over, or the error that ended it */
  async request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: Omit<ClientSessionRequestOptions, "signal">,
  ): Promise<ClientHttp2Stream> {
    await this.#connected;
    if (this.closed) throw closedError();
    return this.#session.request({ ...headers, ":method": method, ":path": path }, options);
  }

  /** Nothing to do: our PINGs go in a fixed interval. */
  notifyResponseByteRead(): void {}

  /** Cancels the calls under way, and resolves when the socket is closed. */
  async close(): Promise<void> {
    if (this.#session.destroyed) return;
    const closed = new Promise<void>((resolve) => this.#session.once("close", resolve));
    cutOff(this.#session, new RpcError("canceled", "Call service failed: got a close of the client, wanted none"));
    await closed;
  }
}

/** Resolves when the session is connected. Listens for errors for good, so that none ends the process. */
function connected(session: ClientHttp2Session): Promise<void> {
  const ready = new Promise<void>((resolve, reject) => {
    session.once("connect", () => resolve());
    session.on("error", reject);
    session.once("close", () => reject(closedError()));
  });
  // A session may fail before anyone calls; then the first call reports it.
  ready.catch(() => {});
  return ready;
}

function closedError(): RpcError {
  return new RpcError("unavailable", "Call service failed: got a closed connection, wanted an open one");
}
