import type { TLSSocket } from "node:tls";
import { AtlsError } from "./errors.ts";
import type { Gate } from "./gate.ts";
import { Handshake, type HandshakeEvent, type HandshakeOptions } from "./handshake.ts";
import { ignoreError } from "./ignore-error.ts";
import { ANONYMOUS, type Appraiser, type Attester } from "./parties.ts";

/** How long a refused peer may take to read our last words before the socket is torn down. */
const LINGER_MS = 1_000;

/** The two parties of one handshake on this side, and how many of their tasks may run at once. */
export interface ExchangeParties<P> {
  readonly attester: Attester | typeof ANONYMOUS;
  readonly appraiser: Appraiser<P> | typeof ANONYMOUS;
  readonly issueGate: Gate;
  readonly appraiseGate: Gate;
}

/** Sockets on which a handshake was begun: there is one per connection, ever. */
const begun = new WeakSet<TLSSocket>();

/**
 * Runs the exchange of evidence over an established TLS socket, and gives the peer as the appraiser saw it. Afterwards
 * nothing listens on the socket, and bytes that came behind the handshake wait in it to be read. On failure the peer
 * gets a last message and the socket is closed.
 * @throws AtlsError
 */
export async function exchangeEvidence<P>(
  socket: TLSSocket,
  options: Omit<HandshakeOptions, "mode" | "peerMode">,
  parties: ExchangeParties<P>,
  signal: AbortSignal,
): Promise<P | typeof ANONYMOUS> {
  if (begun.has(socket)) {
    throw new AtlsError("already-open", "Attest peer failed: got a second handshake on a socket, wanted one");
  }
  begun.add(socket);
  const handshake = new Handshake({
    ...options,
    mode: parties.attester === ANONYMOUS ? "anonymous" : "attesting",
    peerMode: parties.appraiser === ANONYMOUS ? "anonymous" : "attesting",
  });
  return await new Exchange(socket, handshake, parties, signal).run();
}

/** Drives one sans-IO handshake with one socket. */
class Exchange<P> {
  readonly #socket: TLSSocket;
  readonly #handshake: Handshake;
  readonly #parties: ExchangeParties<P>;
  readonly #signal: AbortSignal;
  readonly #done = Promise.withResolvers<P | typeof ANONYMOUS>();
  #peer: P | typeof ANONYMOUS = ANONYMOUS;
  #writesUnderWay = 0;

  constructor(socket: TLSSocket, handshake: Handshake, parties: ExchangeParties<P>, signal: AbortSignal) {
    this.#socket = socket;
    this.#handshake = handshake;
    this.#parties = parties;
    this.#signal = signal;
  }

  run(): Promise<P | typeof ANONYMOUS> {
    const socket = this.#socket;
    socket.on("readable", this.#onReadable);
    socket.once("end", this.#onEnd);
    socket.once("close", this.#onEnd);
    socket.on("error", this.#onError);
    this.#signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#apply(this.#handshake.start());
    if (this.#signal.aborted) this.#onAbort();
    else this.#onReadable();
    return this.#done.promise;
  }

  readonly #onReadable = (): void => {
    while (this.#handshake.outcome === "running") {
      const bytes: Buffer | null = this.#socket.read();
      if (bytes === null) return;
      this.#apply(this.#handshake.receive(bytes));
    }
  };

  readonly #onEnd = (): void => this.#apply(this.#handshake.end());

  readonly #onError = (cause: Error): void => this.#apply(this.#handshake.fail(brokenConnection(cause)));

  readonly #onAbort = (): void => {
    const error = this.#signal.reason as AtlsError;
    if (this.#handshake.outcome === "open") this.#abandon(error);
    else this.#apply(this.#handshake.fail(error));
  };

  #apply(events: readonly HandshakeEvent[]): void {
    for (const event of events) this.#applyOne(event);
  }

  #applyOne(event: HandshakeEvent): void {
    switch (event.type) {
      case "send":
        this.#send(event.bytes);
        return;
      case "issue":
        void this.#issue(event.reportData);
        return;
      case "appraise":
        void this.#appraise(event.evidence, event.reportData);
        return;
      case "open":
        if (event.leftover.length > 0) this.#socket.unshift(event.leftover);
        this.#handOverWhenWritten();
        return;
      case "fail":
        this.#release();
        closeLingering(this.#socket);
        this.#done.reject(event.error);
        return;
    }
  }

  #send(bytes: Uint8Array): void {
    if (!this.#socket.writable) return;
    this.#writesUnderWay += 1;
    this.#socket.write(bytes, (error) => {
      this.#writesUnderWay -= 1;
      if (this.#handshake.outcome !== "open") return;
      if (error) this.#abandon(brokenConnection(error));
      else this.#handOverWhenWritten();
    });
  }

  /** node:http2 takes over the socket's handle, and would be told the end of a write of ours as if it were its own. */
  #handOverWhenWritten(): void {
    if (this.#writesUnderWay > 0) return;
    this.#release();
    this.#done.resolve(this.#peer);
  }

  /** Gives up a socket that is open but not handed over: there is nothing left to say on it. */
  #abandon(error: AtlsError): void {
    this.#release();
    this.#socket.destroy();
    this.#done.reject(error);
  }

  async #issue(reportData: Uint8Array): Promise<void> {
    try {
      const attester = this.#parties.attester as Attester;
      const issue = (): Promise<Uint8Array> => attester.issue(reportData, this.#signal);
      const evidence = await this.#parties.issueGate.run(issue, this.#signal);
      this.#apply(this.#handshake.issued(evidence));
    } catch (cause) {
      this.#apply(this.#handshake.fail(failure("issue-failed", "Issue evidence failed", cause)));
    }
  }

  async #appraise(evidence: Uint8Array, reportData: Uint8Array): Promise<void> {
    try {
      const appraiser = this.#parties.appraiser as Appraiser<P>;
      const appraise = (): Promise<P> => appraiser.appraise(evidence, reportData, this.#signal);
      this.#peer = await this.#parties.appraiseGate.run(appraise, this.#signal);
    } catch (cause) {
      this.#apply(this.#handshake.fail(failure("evidence-refused", "Appraise evidence of the peer failed", cause)));
      return;
    }
    this.#apply(this.#handshake.accept());
  }

  #release(): void {
    this.#socket.off("readable", this.#onReadable);
    this.#socket.off("end", this.#onEnd);
    this.#socket.off("close", this.#onEnd);
    this.#socket.off("error", this.#onError);
    // Whoever owns the socket next may attach its own listener later; until then an error must not end the process.
    this.#socket.on("error", ignoreError);
    this.#signal.removeEventListener("abort", this.#onAbort);
  }
}

/**
 * Ends our side and reads on until the peer has ended its side: closing with unread bytes would reset the connection
 * and could take our last message with it.
 */
function closeLingering(socket: TLSSocket): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
  socket.resume();
  socket.end();
}

function failure(code: "issue-failed" | "evidence-refused", operation: string, cause: unknown): AtlsError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AtlsError(code, `${operation}: ${reason}`, { cause });
}

function brokenConnection(cause: Error): AtlsError {
  return new AtlsError("closed", `Attest peer failed: the connection broke: ${cause.message}`, { cause });
}
