/** Every reason for which attested TLS can fail. The same words travel in the REFUSED message. */
export const ATLS_ERROR_CODES = [
  /** The peer could not be reached. */
  "connect-failed",
  /** The TLS handshake failed: garbage, a broken peer, a bad signature. */
  "tls-failed",
  /** The peer offered no TLS 1.3. */
  "tls-version",
  /** The peer did not name our protocol in ALPN. */
  "tls-protocol",
  /** The TLS session was resumed, so nobody proved possession of a key on this connection. */
  "tls-resumed",
  /** The peer sent no certificate. */
  "no-peer-certificate",
  /** The peer's key is of a kind that we do not use. */
  "peer-key-unsupported",
  /** The connection ended before the handshake did. */
  "closed",
  /** A message is longer than its type allows. */
  "oversized",
  /** A message has a type that does not exist. */
  "unknown-message",
  /** A message came where the protocol does not allow it. */
  "unexpected-message",
  /** A message's body does not parse. */
  "malformed",
  /** The peer speaks another version of this protocol. */
  "version-mismatch",
  /** The peer wants to talk about something else. */
  "purpose-mismatch",
  /** The peer claims the role that we have. */
  "role-mismatch",
  /** The peer is anonymous where it must attest, or the other way round. */
  "mode-mismatch",
  /** The peer sent back our own nonce or key. */
  "reflected",
  /** The peer sent application bytes before we accepted it. */
  "early-data",
  /** Our own evidence could not be issued. */
  "issue-failed",
  /** The peer's evidence was not accepted by our appraiser. */
  "evidence-refused",
  /** The peer did not accept us; `peerCode` says why. */
  "peer-refused",
  /** The handshake took longer than allowed. */
  "timeout",
  /** The caller's signal was aborted, or the server was closed. */
  "aborted",
  /** The server has as many handshakes under way as it allows. */
  "too-many-pending",
  /** The socket already carries an attested connection. */
  "already-open",
  /** The server could not listen. */
  "listen-failed",
  /** The application's own handler failed when it was given the connection. */
  "handler-failed",
] as const;

/** A reason from {@link ATLS_ERROR_CODES}. */
export type AtlsErrorCode = (typeof ATLS_ERROR_CODES)[number];

/** What {@link AtlsError} may carry besides code and message. */
export interface AtlsErrorOptions {
  readonly cause?: unknown;
  /** Code in the peer's REFUSED message, in the peer's words. */
  readonly peerCode?: string;
  /** Text in the peer's REFUSED message, printable ASCII. */
  readonly peerText?: string;
  /** Code of the peer's appraiser in that text, where it did not accept our evidence. */
  readonly peerReason?: string | undefined;
}

/** The one error class of attested TLS. */
export class AtlsError extends Error {
  override readonly name = "AtlsError";
  readonly code: AtlsErrorCode;
  readonly peerCode: string | undefined;
  readonly peerText: string | undefined;
  /** Why the peer's appraiser did not accept our evidence, in the peer's words. Never trust it further than the peer. */
  readonly peerReason: string | undefined;

  constructor(code: AtlsErrorCode, message: string, options: AtlsErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.peerCode = options.peerCode;
    this.peerText = options.peerText;
    this.peerReason = options.peerReason;
  }
}

const CODE_SHAPE = /^[a-z][a-z0-9_-]{0,63}$/;

/** Gives the `code` of a coded error of this project (lower-case words with hyphens or underscores), or undefined for any other value. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" && CODE_SHAPE.test(error.code) ? error.code : undefined;
}
