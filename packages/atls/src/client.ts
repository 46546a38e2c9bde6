import { randomBytes } from "node:crypto";
import { connect, type TLSSocket } from "node:tls";
import { createEphemeralIdentity, type EphemeralIdentity } from "./certificate.ts";
import { createDeadline } from "./deadline.ts";
import { AtlsError } from "./errors.ts";
import { type ExchangeParties, exchangeEvidence } from "./exchange.ts";
import { Gate } from "./gate.ts";
import { checkPurpose, NONCE_BYTES } from "./messages.ts";
import type { ANONYMOUS, Appraiser, Attester } from "./parties.ts";
import { channelOf, TLS_OPTIONS } from "./tls-channel.ts";
import { fromTlsError } from "./tls-errors.ts";

/** Where to connect, and on which terms. */
export interface ConnectAtlsOptions<P> {
  readonly host: string;
  readonly port: number;
  /** Both sides must state the same: "init", "join", "recover". */
  readonly purpose: string;
  /** Issues our evidence; `ANONYMOUS` to send none. */
  readonly attester: Attester | typeof ANONYMOUS;
  /** Decides about the server's evidence, which there always is. */
  readonly appraiser: Appraiser<P>;
  /** Time for all of it: connecting, TLS and the exchange of evidence. */
  readonly timeoutMs: number;
  /** Time for the TCP connection alone, which a peer that is there gives at once; without it there is no bound of its own. */
  readonly tcpTimeoutMs?: number;
  /** Source of the nonce. */
  readonly random?: (sizeBytes: number) => Uint8Array;
}

/** A connection on which both sides accepted each other. */
export interface AtlsConnection<P> {
  readonly socket: TLSSocket;
  /** What the appraiser made of the server's evidence. */
  readonly peer: P;
}

/**
 * Connects, attests and appraises. When it returns, the server has accepted us and we have accepted the server.
 * @throws AtlsError
 */
export async function connectAtls<P>(options: ConnectAtlsOptions<P>, signal: AbortSignal): Promise<AtlsConnection<P>> {
  checkPurpose(options.purpose);
  const deadline = createDeadline(options.timeoutMs, signal);
  try {
    const identity = createEphemeralIdentity();
    const socket = await connectTls(options, identity, deadline.signal);
    const peer = await attest(socket, options, identity, deadline.signal);
    return { socket, peer };
  } finally {
    deadline.clear();
  }
}

async function attest<P>(
  socket: TLSSocket,
  options: ConnectAtlsOptions<P>,
  identity: EphemeralIdentity,
  signal: AbortSignal,
): Promise<P> {
  try {
    const { purpose, attester, appraiser, random = randomBytes } = options;
    const channel = channelOf(socket, "client", identity.publicKey, purpose);
    const nonce = new Uint8Array(random(NONCE_BYTES));
    const parties: ExchangeParties<P> = { attester, appraiser, issueGate: new Gate(1), appraiseGate: new Gate(1) };
    // The appraiser is never ANONYMOUS here, so neither is the peer.
    return (await exchangeEvidence(socket, { role: "client", purpose, nonce, channel }, parties, signal)) as P;
  } catch (error) {
    // After a REFUSED the exchange closes the socket itself, so that the message arrives.
    if (!socket.writableEnded) socket.destroy();
    throw error;
  }
}

function connectTls(
  { host, port, tcpTimeoutMs }: Pick<ConnectAtlsOptions<unknown>, "host" | "port" | "tcpTimeoutMs">,
  identity: EphemeralIdentity,
  signal: AbortSignal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = connect({ ...TLS_OPTIONS, host, port, key: identity.keyPem, cert: identity.certificatePem });
    if (tcpTimeoutMs !== undefined) boundConnecting(socket, tcpTimeoutMs);
    const settle = (finish: () => void): void => {
      signal.removeEventListener("abort", onAbort);
      socket.off("secureConnect", onSecure);
      finish();
    };
    const onAbort = (): void =>
      settle(() => {
        socket.destroy();
        reject(signal.reason);
      });
    const onSecure = (): void => settle(() => resolve(socket));
    const onError = (cause: Error): void =>
      settle(() => {
        socket.destroy();
        reject(cause instanceof AtlsError ? cause : fromTlsError(cause));
      });
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("secureConnect", onSecure);
    // Stays attached: a later error has its own listener, and none may end the process. Every end before TLS is up comes
    // as one; should it not, the signal's deadline is there.
    socket.on("error", onError);
  });
}

/** Ends the socket with an error unless TCP is connected in time; what comes after that is not bounded here. */
function boundConnecting(socket: TLSSocket, tcpTimeoutMs: number): void {
  const timer = setTimeout(() => {
    const message = `Open TLS connection failed: got no TCP connection in ${tcpTimeoutMs} ms`;
    socket.destroy(new AtlsError("connect-failed", message));
  }, tcpTimeoutMs);
  const stop = (): void => clearTimeout(timer);
  socket.once("connect", stop);
  socket.once("close", stop);
}
