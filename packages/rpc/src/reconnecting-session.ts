import type { ClientHttp2Stream, ClientSessionRequestOptions, OutgoingHttpHeaders } from "node:http2";
import type { Duplex } from "node:stream";
import type { RpcLimits } from "./limits.ts";
import { type SessionManager, SingleSession } from "./single-session.ts";

/** Opens an HTTP/2 session for the first call, and another for the first call after that one is over. */
export class ReconnectingSession implements SessionManager {
  readonly authority: string;
  readonly #dial: () => Duplex;
  readonly #limits: RpcLimits;
  #current: SingleSession | undefined;

  constructor(dial: () => Duplex, authority: string, limits: RpcLimits) {
    this.#dial = dial;
    this.authority = authority;
    this.#limits = limits;
  }

  async request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: Omit<ClientSessionRequestOptions, "signal">,
  ): Promise<ClientHttp2Stream> {
    if (this.#current === undefined || this.#current.closed) {
      this.#current = new SingleSession(this.#dial(), this.authority, this.#limits);
    }
    return await this.#current.request(method, path, headers, options);
  }

  /** Nothing to do: our PINGs go in a fixed interval. */
  notifyResponseByteRead(): void {}

  /** Cancels the calls under way, and resolves when the connection is closed. */
  async close(): Promise<void> {
    await this.#current?.close();
  }
}
