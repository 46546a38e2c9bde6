import { randomBytes } from "node:crypto";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { acceptTls } from "./accept-tls.ts";
import { createEphemeralIdentity, type EphemeralIdentity } from "./certificate.ts";
import { createDeadline } from "./deadline.ts";
import { AtlsError } from "./errors.ts";
import { type ExchangeParties, exchangeEvidence } from "./exchange.ts";
import { Gate } from "./gate.ts";
import { ignoreError } from "./ignore-error.ts";
import { checkPurpose, NONCE_BYTES } from "./messages.ts";
import type { ANONYMOUS, Appraiser, Attester } from "./parties.ts";
import { type RemoteAddress, remoteAddressOf } from "./remote-address.ts";
import { channelOf } from "./tls-channel.ts";

/** Takes the appraiser of `P`, or `ANONYMOUS` where the clients are anonymous and `P` says so. */
export type ClientAppraiser<P> = Appraiser<P> | ([P] extends [typeof ANONYMOUS] ? typeof ANONYMOUS : never);

/** On which terms a server takes connections. */
export interface AtlsServerOptions<P> {
  /** Both sides must state the same: "init", "join", "recover". */
  readonly purpose: string;
  /** Issues our evidence. A server always attests. */
  readonly attester: Attester;
  /** Decides about a client's evidence; `ANONYMOUS` for clients that send none. */
  readonly appraiser: ClientAppraiser<P>;
  /** Time for TLS and the exchange of evidence, per connection. */
  readonly handshakeTimeoutMs: number;
  /** Handshakes under way at once; further connections are closed unheard. */
  readonly maxPending: number;
  /** How many pieces of evidence are issued at once. Default 1: a TPM does one thing at a time. */
  readonly maxIssuing?: number;
  /** How many pieces of evidence are appraised at once. Default 4. */
  readonly maxAppraising?: number;
  /** Takes over the socket of an accepted client. `peer` is `ANONYMOUS` where clients are anonymous. */
  readonly onConnection: (socket: TLSSocket, peer: P) => void;
  /** Hears of each connection that did not come to be. */
  readonly onRefused?: (error: AtlsError, remote: RemoteAddress) => void;
  /** Source of the nonces. */
  readonly random?: (sizeBytes: number) => Uint8Array;
}

/** Takes connections, attests to each client, appraises it, and hands on only those where both sides accepted. */
export class AtlsServer<P = typeof ANONYMOUS> {
  readonly #options: AtlsServerOptions<P>;
  readonly #listener: Server;
  readonly #issueGate: Gate;
  readonly #appraiseGate: Gate;
  readonly #closing = new AbortController();
  readonly #pending = new Set<Promise<void>>();

  /** @throws RangeError when the purpose is no purpose */
  constructor(options: AtlsServerOptions<P>) {
    checkPurpose(options.purpose);
    this.#options = options;
    this.#issueGate = new Gate(options.maxIssuing ?? 1);
    this.#appraiseGate = new Gate(options.maxAppraising ?? 4);
    this.#listener = createServer({ noDelay: true }, (raw) => this.#admit(raw));
  }

  /** Handshakes under way. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Listens, and gives the address; port 0 takes a free port. @throws AtlsError "listen-failed" */
  listen({ host, port }: { readonly host: string; readonly port: number }): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      const onError = (cause: Error): void => {
        reject(new AtlsError("listen-failed", `Listen on "${host}:${port}" failed: ${cause.message}`, { cause }));
      };
      this.#listener.once("error", onError);
      this.#listener.listen({ host, port }, () => {
        this.#listener.off("error", onError);
        this.#listener.on("error", (cause) => this.#reportAcceptError(cause));
        resolve(this.#listener.address() as AddressInfo);
      });
    });
  }

  /**
   * Stops listening, and ends the handshakes under way. Sockets that were handed to `onConnection` stay with their
   * owner. May be called again.
   */
  async close(): Promise<void> {
    this.#listener.close();
    this.#closing.abort(new AtlsError("aborted", "Attest peer failed: got a close of the server, wanted none"));
    await Promise.all(this.#pending);
  }

  /** The system could not accept a connection, for example because file descriptors ran out; the next one may do. */
  #reportAcceptError(cause: Error): void {
    const error = new AtlsError("connect-failed", `Accept connection failed: ${cause.message}`, { cause });
    this.#options.onRefused?.(error, remoteAddressOf({}));
  }

  #admit(raw: Socket): void {
    const remote = remoteAddressOf(raw);
    raw.on("error", ignoreError);
    if (this.#pending.size >= this.#options.maxPending) {
      const got = `got more than ${this.#options.maxPending} handshakes at once`;
      this.#options.onRefused?.(new AtlsError("too-many-pending", `Attest peer failed: ${got}`), remote);
      raw.destroy();
      return;
    }
    const pending = this.#serve(raw, remote).finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }

  /** Never rejects: what goes wrong with one connection is told to `onRefused`. */
  async #serve(raw: Socket, remote: RemoteAddress): Promise<void> {
    const deadline = createDeadline(this.#options.handshakeTimeoutMs, this.#closing.signal);
    try {
      const identity = createEphemeralIdentity();
      const socket = await acceptTls(raw, identity, deadline.signal);
      const peer = await this.#attest(socket, identity, deadline.signal);
      this.#handOver(socket, peer);
    } catch (error) {
      this.#options.onRefused?.(error as AtlsError, remote);
      // A refused client may still be reading its REFUSED; until it has left it counts as pending.
      await closed(raw);
    } finally {
      deadline.clear();
    }
  }

  async #attest(socket: TLSSocket, identity: EphemeralIdentity, signal: AbortSignal): Promise<P> {
    try {
      const { purpose, attester, appraiser, random = randomBytes } = this.#options;
      const channel = channelOf(socket, "server", identity.publicKey, purpose);
      const nonce = new Uint8Array(random(NONCE_BYTES));
      const parties: ExchangeParties<P> = {
        attester,
        appraiser: appraiser as Appraiser<P> | typeof ANONYMOUS,
        issueGate: this.#issueGate,
        appraiseGate: this.#appraiseGate,
      };
      // The peer is ANONYMOUS only where the appraiser is, and then P is that.
      return (await exchangeEvidence(socket, { role: "server", purpose, nonce, channel }, parties, signal)) as P;
    } catch (error) {
      // After a REFUSED the exchange closes the socket itself, so that the message arrives.
      if (!socket.writableEnded) socket.destroy();
      throw error;
    }
  }

  #handOver(socket: TLSSocket, peer: P): void {
    try {
      this.#options.onConnection(socket, peer);
    } catch (cause) {
      socket.destroy();
      throw new AtlsError("handler-failed", `Hand over connection failed: ${String(cause)}`, { cause });
    }
  }
}

function closed(socket: Socket): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => socket.once("close", () => resolve()));
}
