import type { ClientRequest, IncomingMessage } from "node:http";
import { request } from "node:https";
import type { Credentials } from "./credentials.ts";
import { KubeError } from "./errors.ts";
import { statusError } from "./status.ts";

/** One HTTP request to the API server. */
export interface KubeRequest {
  /** What it is for, as it stands at the start of messages. */
  readonly operation: string;
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly url: URL;
  /** What the answer may be; JSON if nothing is said. */
  readonly accept?: string;
  readonly contentType?: string;
  readonly body?: string;
}

/** What came back, whatever its status. */
export interface KubeResponse {
  readonly status: number;
  readonly body: string;
}

/**
 * Sends one request over a connection of its own: calls are rare, and a fresh one always uses today's token and CA.
 * @throws KubeError `unreachable`, `untrusted_server`, `response_too_large`, or as `abortError` says
 */
export async function send(
  message: KubeRequest,
  credentials: Credentials,
  maxResponseBytes: number,
  signal: AbortSignal,
): Promise<KubeResponse> {
  const { outgoing, answer } = start(message, credentials, signal);
  const { operation, url } = message;
  try {
    const response = await answer;
    return { status: response.statusCode ?? 0, body: await readBounded(response, operation, maxResponseBytes) };
  } catch (cause) {
    throw cause instanceof KubeError ? cause : transportError(operation, url, cause, signal);
  } finally {
    outgoing.destroy();
  }
}

/**
 * Sends one request and gives the lines of its answer as they come. Ends when the server ends the answer.
 * @throws KubeError as `send`, and for an answer that is no success
 */
export async function* sendForLines(
  message: KubeRequest,
  credentials: Credentials,
  maxLineBytes: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { outgoing, answer } = start(message, credentials, signal);
  const { operation, url } = message;
  try {
    const response = await answer;
    const status = response.statusCode ?? 0;
    if (status !== 200) throw statusError(operation, status, await readBounded(response, operation, maxLineBytes));
    yield* linesOf(response, operation, maxLineBytes);
  } catch (cause) {
    throw cause instanceof KubeError ? cause : transportError(operation, url, cause, signal);
  } finally {
    outgoing.destroy();
  }
}

function start(
  message: KubeRequest,
  credentials: Credentials,
  signal: AbortSignal,
): { outgoing: ClientRequest; answer: Promise<IncomingMessage> } {
  const { method, url, body } = message;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = request(url, {
    method,
    agent: false,
    signal,
    minVersion: "TLSv1.2",
    ca: credentials.ca,
    cert: credentials.clientCertificate,
    key: credentials.clientKey,
    headers: headersOf(credentials, message),
  });
  outgoing.once("response", resolve).once("error", reject).end(body);
  return { outgoing, answer: promise };
}

async function* linesOf(response: IncomingMessage, operation: string, maxBytes: number): AsyncGenerator<string> {
  let rest = "";
  response.setEncoding("utf8");
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > maxBytes) {
      throw new KubeError("response_too_large", `${operation} failed: got a line of more than "${maxBytes}" bytes`);
    }
    yield* lines.filter((line) => line !== "");
  }
}

// The length is said here because Node.js says none for the body of a DELETE.
function headersOf(
  credentials: Credentials,
  { accept = "application/json", body, contentType }: KubeRequest,
): Record<string, string> {
  return {
    accept,
    ...(body === undefined ? {} : { "content-length": `${Buffer.byteLength(body)}` }),
    ...(contentType === undefined ? {} : { "content-type": contentType }),
    ...(credentials.token === undefined ? {} : { authorization: `Bearer ${credentials.token}` }),
  };
}

async function readBounded(response: IncomingMessage, operation: string, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) {
      throw new KubeError("response_too_large", `${operation} failed: got more than "${maxBytes}" bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function transportError(operation: string, url: URL, cause: unknown, signal: AbortSignal): KubeError {
  if (signal.aborted) return abortError(operation, signal);
  const { code } = cause as NodeJS.ErrnoException;
  const got = `got "${code ?? "an error"}" from "${url.host}"`;
  return isTrustFailure(code)
    ? new KubeError("untrusted_server", `${operation} failed: ${got}, wanted a certificate of the cluster's CA`, {
        cause,
      })
    : new KubeError("unreachable", `${operation} failed: ${got}, wanted an answer`, { cause });
}

/** The error of a request that was ended by its signal: `timeout` or `aborted`. */
export function abortError(operation: string, signal: AbortSignal): KubeError {
  const cause: unknown = signal.reason;
  return (cause as { name?: unknown })?.name === "TimeoutError"
    ? new KubeError("timeout", `${operation} failed: got no answer in time`, { cause })
    : new KubeError("aborted", `${operation} failed: got a request to stop`, { cause });
}

// OpenSSL's X.509 verification results, as node:tls names them, and its check of the server's name.
function isTrustFailure(code: string | undefined): boolean {
  return /^(?:CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT|INVALID_CA|HOSTNAME_MISMATCH)/.test(code ?? "");
}
