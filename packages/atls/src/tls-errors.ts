import { AtlsError, type AtlsErrorCode } from "./errors.ts";

/** Steps before TLS begins. */
const REACHING = new Set(["connect", "getaddrinfo"]);

/** OpenSSL's words for a peer that has no TLS 1.3, seen from either end. */
const VERSION_ERRORS = new Set(["ERR_SSL_UNSUPPORTED_PROTOCOL", "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION"]);

const PROTOCOL_ERRORS = new Set(["ERR_SSL_NO_APPLICATION_PROTOCOL", "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL"]);

/** The coded error for an error of node:tls before the connection was established. */
export function fromTlsError(cause: NodeJS.ErrnoException): AtlsError {
  return new AtlsError(tlsErrorCode(cause), `Open TLS connection failed: ${cause.message}`, { cause });
}

function tlsErrorCode(error: NodeJS.ErrnoException): AtlsErrorCode {
  // A host with several addresses gives one error for each attempt to connect.
  if (error instanceof AggregateError) return "connect-failed";
  if (error.syscall !== undefined && REACHING.has(error.syscall)) return "connect-failed";
  if (error.code === undefined) return "tls-failed";
  if (VERSION_ERRORS.has(error.code)) return "tls-version";
  if (PROTOCOL_ERRORS.has(error.code)) return "tls-protocol";
  if (error.code === "ECONNRESET" || error.code === "EPIPE") return "closed";
  return "tls-failed";
}
