import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Duplex } from "node:stream";
import { Code, ConnectError } from "@connectrpc/connect";
import { keepAlive } from "./keepalive.ts";
import type { RpcLimits } from "./limits.ts";

/**
 * The one HTTP/2 session over a socket that was opened, and attested, by someone else. It never reconnects: another
 * socket would be another peer.
 */
export class SingleSession {
  readonly authority: string;
  readonly #session: ClientHttp2Session;
  #failure: Error | undefined;

  constructor(socket: Duplex, authority: string, limits: RpcLimits) {
    this.authority = authority;
    this.#session = connect(authority, { createConnection: () => socket, settings: { enablePush: false } });
    this.#session.on("error", (error) => {
      this.#failure = error;
    });
    keepAlive(this.#session, limits);
  }

  /** Opens a stream for one call. @throws ConnectError "unavailable" once the session is over */
  async request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: Omit<ClientSessionRequestOptions, "signal">,
  ): Promise<ClientHttp2Stream> {
    if (this.#session.closed || this.#session.destroyed) {
      const message = "Call service failed: got a closed connection, wanted an open one";
      throw new ConnectError(message, Code.Unavailable, undefined, undefined, this.#failure);
    }
    return this.#session.request({ ...headers, ":method": method, ":path": path }, options);
  }

  /** Part of connect-node's interface; our PINGs go in a fixed interval. */
  notifyResponseByteRead(): void {}

  /** Cancels the calls under way, and resolves when the socket is closed. */
  async close(): Promise<void> {
    if (this.#session.destroyed) return;
    const closed = new Promise<void>((resolve) => this.#session.once("close", resolve));
    this.#session.destroy(undefined, constants.NGHTTP2_CANCEL);
    await closed;
  }
}
