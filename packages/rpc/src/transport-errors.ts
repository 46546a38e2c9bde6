import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { mapErrors, RpcError, toConnectError } from "./errors.ts";

/** Steps of opening a connection at which Node.js may report an error of the operating system. */
const CONNECTING = new Set(["connect", "getaddrinfo"]);

/** Codes of node:tls for a peer that could not be authenticated, either way. */
const UNAUTHENTICATED = /^ERR_SSL_|CERT|^UNABLE_TO_|^INVALID_/;

/** Codes of node:http2 and of the operating system for a connection that is gone. */
const LOST =
  /^(?:ERR_HTTP2_(?:SESSION_ERROR|GOAWAY_SESSION|INVALID_SESSION|STREAM_CANCEL)|ECONNRESET|EPIPE|ETIMEDOUT)$/;

/** RFC 9113 section 8.7: nothing of the call was processed, as when it met a connection that was being closed. */
const NOT_PROCESSED = "NGHTTP2_REFUSED_STREAM";

/**
 * Client interceptor that gives failures of the connection the status a caller can act on: "unauthenticated" when TLS
 * said no, "unavailable" when the connection could not be opened or was lost. A status from the other end stays.
 */
export const transportErrors: Interceptor = (next) => async (request) => {
  const map = (error: unknown): ConnectError => mapTransportError(error, request.signal);
  try {
    const response = await next(request);
    return response.stream ? { ...response, message: mapErrors(response.message, map) } : response;
  } catch (error) {
    throw map(error);
  }
};

function mapTransportError(error: unknown, signal: AbortSignal): ConnectError {
  const found = ConnectError.from(error);
  if (found.metadata.has("grpc-status") || signal.aborted) return found;
  for (const cause of causesOf(error)) {
    if (cause instanceof RpcError) return toConnectError(cause);
    const { code, syscall, message } = cause as NodeJS.ErrnoException;
    if (syscall !== undefined && CONNECTING.has(syscall)) return unavailable("Connect", found);
    if (code === "ERR_HTTP2_STREAM_ERROR" && message.includes(NOT_PROCESSED)) return unavailable("Make call", found);
    if (typeof code === "string" && LOST.test(code)) return unavailable("Keep connection", found);
    if (typeof code === "string" && UNAUTHENTICATED.test(code)) {
      const message = `Authenticate connection failed: ${found.rawMessage.trim()}`;
      return new ConnectError(message, Code.Unauthenticated, undefined, undefined, found);
    }
  }
  // Nobody here cancelled or aborted: the other end is gone.
  const lost = found.code === Code.Canceled || found.code === Code.Aborted;
  return lost ? unavailable("Keep connection", found) : found;
}

function unavailable(operation: string, found: ConnectError): ConnectError {
  return new ConnectError(`${operation} failed: ${found.rawMessage}`, Code.Unavailable, undefined, undefined, found);
}

function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  for (let at = error; at instanceof Error && !causes.includes(at); at = at.cause) causes.push(at);
  return causes;
}
