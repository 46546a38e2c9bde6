import { concat, fromUtf8 } from "@constellation/bytes";
import { type JsonObject, parseStrictJsonObject } from "@constellation/json";
import { KmsError, quoted, type Side } from "../error.ts";
import type { FetchInit, Tools } from "./fetch.ts";
import { type Operation, retried } from "./retry.ts";

/** One request, without what signs it. */
export interface HttpRequest {
  readonly method: FetchInit["method"];
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** A whole answer, whatever its status. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** Gives the request of an attempt; credentials may be others at the next. */
export type MakeRequest = (signal: AbortSignal) => Promise<HttpRequest> | HttpRequest;

/** Makes a result of an answer, or throws the KmsError that it stands for. */
export type ReadAnswer<T> = (answer: HttpAnswer) => T;

/**
 * Calls a service over HTTP, again where that may help, and gives what `read` makes of the answer.
 * @throws KmsError
 */
export function call<T>(
  operation: Operation,
  tools: Tools,
  signal: AbortSignal,
  make: MakeRequest,
  read: ReadAnswer<T>,
): Promise<T> {
  return retried(operation, tools, signal, async (attemptSignal) => {
    const request = await make(attemptSignal);
    return read(await send(operation, request, tools, attemptSignal));
  });
}

async function send(
  operation: Operation,
  request: HttpRequest,
  tools: Tools,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const { method, url, headers, body } = request;
  const init = { method, headers: { "accept-encoding": "identity", ...headers }, redirect: "manual", signal } as const;
  try {
    const response = await tools.fetch(url, body === undefined ? init : { ...init, body });
    return {
      status: response.status,
      headers: response.headers,
      body: await readBody(operation, response, tools.limits.maxBodyBytes),
    };
  } catch (cause) {
    throw cause instanceof KmsError ? cause : connectionError(operation, url, cause);
  }
}

async function readBody(operation: Operation, response: Response, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) throw answerError(operation, `more than "${maxBytes}" bytes`, "a short answer");
    chunks.push(chunk);
  }
  const announced = response.headers.get("content-length");
  if (announced !== null && response.body !== null && Number(announced) !== length) {
    throw connectionFailed(operation, `"${length}" of "${announced}" bytes`, "the whole answer");
  }
  return concat(...chunks);
}

// OpenSSL's X.509 verification results, as node:tls names them, and its check of the server's name.
const TRUST = /^(?:CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT|INVALID_CA|HOSTNAME_MISMATCH)/;

/** The error of a connection that failed: `unreachable`, or `untrusted` for a certificate. */
export function connectionError(operation: Operation, address: string, cause: unknown): KmsError {
  const code = codeOf(cause) ?? codeOf((cause as { cause?: unknown } | null)?.cause) ?? "an error";
  // Addresses lose their query: it is not needed to find the service.
  const host = URL.canParse(address) ? new URL(address).host : address;
  const message = `${operation.name} failed: got ${quoted(code)} from ${quoted(host)}`;
  return TRUST.test(code)
    ? new KmsError(`${operation.side}_untrusted`, `${message}, wanted a certificate of a trusted CA for it`, { cause })
    : new KmsError(`${operation.side}_unreachable`, `${message}, wanted an answer`, { cause });
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

function connectionFailed(operation: Operation, got: string, wanted: string): KmsError {
  return new KmsError(`${operation.side}_unreachable`, `${operation.name} failed: got ${got}, wanted ${wanted}`);
}

/** An answer that is not what was asked for. */
export function answerError({ side, name }: Operation, got: string, wanted: string, options?: ErrorOptions): KmsError {
  return new KmsError(`${side}_answer`, `${name} failed: got ${got}, wanted ${wanted}`, options);
}

/** What a status means where the service's own words do not say more. */
export function statusError(operation: Operation, answer: HttpAnswer, words: string): KmsError {
  const { side, name } = operation;
  const { status } = answer;
  const message = `${name} failed: got status "${status}"${words === "" ? "" : ` ${quoted(words)}`}, wanted success`;
  return new KmsError(statusCode(side, status), message, { retryAfterMs: retryAfterMs(answer.headers) });
}

function statusCode(side: Side, status: number): KmsError["code"] {
  if (status === 401 || status === 403) return `${side}_denied`;
  if (status === 404) return side === "kms" ? "kms_key_missing" : "store_missing";
  if (status === 408 || status === 429) return `${side}_busy`;
  return status >= 500 ? `${side}_failed` : `${side}_answer`;
}

/** Seconds only (RFC 9110 section 10.2.3): no service here gives dates. */
function retryAfterMs(headers: Headers): number | undefined {
  const header = headers.get("retry-after") ?? "";
  return /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined;
}

/** The JSON object of an answer. @throws KmsError `kms_answer` or `store_answer` */
export function jsonOf(operation: Operation, { body }: HttpAnswer): JsonObject {
  try {
    return parseStrictJsonObject(body);
  } catch (cause) {
    throw answerError(operation, "an answer that is no JSON object", "one", { cause });
  }
}

/** A member that must be text; others are shown by their kind alone, as they may hold secrets. */
export function textOf(operation: Operation, object: JsonObject, key: string): string {
  const value = object[key];
  if (typeof value === "string") return value;
  throw answerError(operation, `"${key}" that is ${value === undefined ? "missing" : "no text"}`, "text");
}

/** Something of an error's body in words, for a message; empty where it has none. */
export function wordsOf(answer: HttpAnswer, pick: (json: JsonObject) => unknown): string {
  try {
    const picked = pick(parseStrictJsonObject(answer.body));
    return typeof picked === "string" ? picked : "";
  } catch {
    return "";
  }
}

/** A body as text, replaced where it is no UTF-8. */
export function bodyText({ body }: HttpAnswer): string {
  try {
    return fromUtf8(body);
  } catch {
    return "";
  }
}
