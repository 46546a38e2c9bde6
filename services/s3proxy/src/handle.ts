import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { describeError, type Log, type LogFields } from "@constellation/pod";
import { authenticate, type AuthenticateOptions } from "./auth/authenticate.ts";
import { isChecksumHeader } from "./body/checksums.ts";
import { requestBody } from "./body/request-body.ts";
import { FormatError } from "./format/error.ts";
import { validateHeaders } from "./http/headers.ts";
import { asS3Error, errorXml } from "./http/error-answer.ts";
import { S3Error, s3Errors } from "./http/s3-error.ts";
import { parseTarget } from "./http/target.ts";
import type { Answer, Call, Parts } from "./operations/call.ts";
import { route } from "./operations/router.ts";
import { ANSWER_WINDOW_BYTES, writeBody } from "./stream/write-body.ts";

/** What handling requests needs. */
export interface HandlerParts extends Parts, AuthenticateOptions {
  /** Bucket names may stand before this name in the Host header. */
  readonly domain: string | undefined;
  readonly log: Log;
  readonly monotonicMs: () => number;
}

/** Notes for the log line of a request; never its query, which may hold a signature. */
interface Notes {
  operation?: string;
  bucket?: string | undefined;
  key?: string | undefined;
  accessKeyId?: string;
  bodyBytes?: number;
}

const UNREAD_BODY_GRACE_MS = 1_000;

/** Parameters of a presigned query that are about its signature. All other `x-amz-` ones stand for headers. */
const SIGNATURE_PARAMETERS = new Set([
  "x-amz-algorithm",
  "x-amz-content-sha256",
  "x-amz-credential",
  "x-amz-date",
  "x-amz-expires",
  "x-amz-security-token",
  "x-amz-signature",
  "x-amz-signedheaders",
]);

/** RFC 9110, sections 5.1 and 5.5. */
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Handles one request from its head to the end of its answer, and writes one line about it. Never throws. */
export async function handle(request: IncomingMessage, response: ServerResponse, parts: HandlerParts): Promise<void> {
  const startedMs = parts.monotonicMs();
  const requestId = randomBytes(8).toString("hex").toUpperCase();
  response.setHeader("x-amz-request-id", requestId);
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  const notes: Notes = {};
  let failure: unknown;
  try {
    const call = openCall(request, response, parts, gone.signal, notes);
    const found = route(call);
    notes.operation = found.operation;
    await send(response, await found.run(call, parts), request);
    // A body that nobody asked for: who goes on sending it would hold a connection.
    if (!request.complete) void readRest(request).then(() => request.complete || request.destroy());
  } catch (error) {
    failure = error;
    await sendError(request, response, error, requestId).catch(() => response.destroy());
  }
  parts.log.record("request", {
    requestId,
    method: request.method,
    ...notes,
    status: response.headersSent ? response.statusCode : undefined,
    outcome: outcomeOf(failure, response),
    ...(failure === undefined ? {} : failureFields(failure)),
    sentBytes: response.headersSent ? Number(response.getHeader("content-length") ?? 0) : 0,
    durationMs: Math.round(parts.monotonicMs() - startedMs),
  });
}

function openCall(
  request: IncomingMessage,
  response: ServerResponse,
  parts: HandlerParts,
  signal: AbortSignal,
  notes: Notes,
): Call {
  const { method = "" } = request;
  const target = parseTarget(request.url ?? "", request.headers.host ?? "", parts.domain);
  notes.bucket = target.bucket;
  notes.key = target.key;
  const given = joinedHeaders(request);
  const authentication = authenticate({ method, target, headers: given }, parts);
  notes.accessKeyId = authentication.accessKeyId;
  const headers = withQueryHeaders(given, target.query);
  validateHeaders(headers);
  const body = requestBody(request, headers, authentication, () => {
    if (request.headers.expect?.toLowerCase() === "100-continue") response.writeContinue();
  });
  notes.bodyBytes = body.lengthBytes;
  const query = new Map(target.query.filter(([name]) => !name.toLowerCase().startsWith("x-amz-")));
  return { method, bucket: target.bucket, key: target.key, query, headers, body, signal };
}

/** Headers of S3 that came more than once, joined as they are signed: by a comma alone, where Node.js adds a space. */
function joinedHeaders({ headers, headersDistinct }: IncomingMessage): IncomingHttpHeaders {
  const all: IncomingHttpHeaders = { ...headers };
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    if (name.startsWith("x-amz-") && values.length > 1) all[name] = values.map((value) => value.trim()).join(",");
  }
  return all;
}

/** A presigned query may hold what are headers elsewhere; S3 takes them as such. */
function withQueryHeaders(
  headers: IncomingHttpHeaders,
  query: readonly (readonly [string, string])[],
): IncomingHttpHeaders {
  const all: IncomingHttpHeaders = { ...headers };
  for (const [given, value] of query) {
    const name = given.toLowerCase();
    if (!name.startsWith("x-amz-") || SIGNATURE_PARAMETERS.has(name)) continue;
    // SDKs put the checksum of an empty body there, because they sign before there is one; S3 does not look at it.
    if (isChecksumHeader(name)) continue;
    if (all[name] !== undefined) throw s3Errors.invalidArgument(`${name} was given in query and headers`);
    // As Node.js has what comes in headers: a character for each byte.
    const bytes = Buffer.from(value, "utf8").toString("latin1");
    if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(bytes)) {
      const shown = JSON.stringify(name.slice(0, 64));
      throw s3Errors.invalidArgument(
        `The query parameter ${shown} or its value has characters that no header can have`,
      );
    }
    all[name] = bytes;
  }
  return all;
}

async function send(
  response: ServerResponse,
  { status, headers, body }: Answer,
  request: IncomingMessage,
): Promise<void> {
  if (body === undefined || typeof body === "string") {
    const bytes = Buffer.from(body ?? "");
    // The answer to HEAD says how long a body would be.
    const length = request.method === "HEAD" && body === undefined ? {} : { "content-length": `${bytes.length}` };
    response.writeHead(status, status === 204 ? headers : { ...headers, ...length });
    return await writeBody(response, [bytes], ANSWER_WINDOW_BYTES);
  }
  response.writeHead(status, headers);
  await writeBody(response, body, ANSWER_WINDOW_BYTES);
}

async function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  requestId: string,
): Promise<void> {
  if (response.headersSent || response.destroyed) {
    // Bytes are out: cutting the connection is the only way to say that they are not all.
    response.destroy();
    return;
  }
  const { status, code, message, headers } = asS3Error(error);
  const withBody = request.method !== "HEAD" && status !== 304;
  const bytes = Buffer.from(withBody ? errorXml({ code, message }, requestId) : "");
  const length = withBody ? { "content-type": "application/xml", "content-length": `${bytes.length}` } : {};
  const unread = !request.complete;
  response.writeHead(status, { ...headers, ...length, ...(unread ? { connection: "close" } : {}) });
  if (!unread) return void response.end(bytes);
  // A client that is still sending hears the answer only if somebody takes what it sends, for a moment. With the end of the
  // answer Node.js closes the connection.
  response.flushHeaders();
  response.write(bytes);
  void readRest(request).then(() => response.end());
}

/** Takes and drops what a client still sends, for a moment. */
async function readRest(request: IncomingMessage): Promise<void> {
  const over = AbortSignal.timeout(UNREAD_BODY_GRACE_MS);
  request.resume();
  await once(request, "close", { signal: over }).catch(() => {});
}

function outcomeOf(failure: unknown, response: ServerResponse): string {
  if (failure === undefined) return "answered";
  return response.destroyed ? "cut-off" : "refused";
}

function failureFields(error: unknown): LogFields {
  const code = error instanceof S3Error || error instanceof FormatError ? error.code : "internal";
  return { code, reason: describeError(error) };
}
