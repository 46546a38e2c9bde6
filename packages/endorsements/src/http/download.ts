import { EndorsementError } from "../error.ts";
import type { Fetch } from "./fetch.ts";
import { GrowingBytes } from "./growing-bytes.ts";
import type { Limits } from "./limits.ts";
import { retryAfterMs } from "./retry-after.ts";

/** One file to be fetched. */
export interface DownloadRequest {
  readonly url: string;
  /** For messages. */
  readonly name: string;
  /** If-None-Match, If-Modified-Since. */
  readonly conditions: Readonly<Record<string, string>>;
}

/** A file, or that it is as it was. */
export type Download =
  | { readonly kind: "body"; readonly headers: Headers; readonly body: Uint8Array }
  | { readonly kind: "not_modified"; readonly headers: Headers };

/** What downloads are made with. */
export interface DownloadTools {
  readonly fetch: Fetch;
  readonly now: () => Date;
  readonly limits: Limits;
}

const MAX_REDIRECTS = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const PAGE = /^\s*(?:text\/html|application\/xhtml\+xml)\b/i;

/** Fetches a file in one attempt. Throws `EndorsementError`. */
export async function download(request: DownloadRequest, tools: DownloadTools, signal: AbortSignal): Promise<Download> {
  const timeout = AbortSignal.timeout(tools.limits.timeoutMs);
  const both = AbortSignal.any([signal, timeout]);
  try {
    return await follow(request, tools, both);
  } catch (cause) {
    if (!both.aborted) throw cause;
    if (signal.aborted) throw failed("cancelled", request, "an end by the caller", "an answer", { cause });
    throw failed("timeout", request, `none in ${tools.limits.timeoutMs} ms`, "an answer", { cause });
  }
}

/** Follows redirects within the host: that the service moved a path is no reason to trust another host with questions. */
async function follow(request: DownloadRequest, tools: DownloadTools, signal: AbortSignal): Promise<Download> {
  let url = request.url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await ask({ ...request, url }, tools, signal);
    if (!REDIRECTS.has(response.status)) return answerOf(request, response, tools);
    await discard(response);
    url = redirectTarget(request, url, response.headers.get("location"));
  }
  throw failed("redirect_refused", request, `more than ${MAX_REDIRECTS} redirects`, `${MAX_REDIRECTS} or fewer`);
}

async function ask(request: DownloadRequest, { fetch }: DownloadTools, signal: AbortSignal): Promise<Response> {
  const headers = { "accept-encoding": "identity", ...request.conditions };
  try {
    return await fetch(request.url, { method: "GET", headers, redirect: "manual", signal });
  } catch (cause) {
    throw failed("unreachable", request, messageOf(cause), "a connection", { cause });
  }
}

function redirectTarget(request: DownloadRequest, from: string, location: string | null): string {
  const { origin } = new URL(from);
  const target = location !== null && URL.canParse(location, from) ? new URL(location, from) : undefined;
  if (target?.origin === origin) return target.href;
  throw failed("redirect_refused", request, `a redirect to ${JSON.stringify(location)}`, `one within ${origin}`);
}

async function answerOf(request: DownloadRequest, response: Response, tools: DownloadTools): Promise<Download> {
  const { headers, status } = response;
  if (status === 200) return { kind: "body", headers, body: await bodyOf(request, response, tools) };
  await discard(response);
  if (status === 304 && Object.keys(request.conditions).length > 0) return { kind: "not_modified", headers };
  throw statusError(request, response, tools.now());
}

/** Intel PCS API v4, tables of status codes; AMD 57230 chapter 4. */
function statusError(request: DownloadRequest, { status, headers }: Response, now: Date): EndorsementError {
  const got = `status ${status}`;
  if (status === 404) return failed("unknown_platform", request, got, "200");
  if (status === 410) return failed("evaluation_gone", request, got, "200");
  if (status !== 429 && status < 500) return failed("unexpected_status", request, got, "200");
  const waitMs = retryAfterMs(headers.get("retry-after"), now);
  const details = waitMs === undefined ? {} : { retryAfterMs: waitMs };
  return failed(status === 429 ? "rate_limited" : "server_error", request, got, "200", details);
}

async function bodyOf(request: DownloadRequest, response: Response, { limits }: DownloadTools): Promise<Uint8Array> {
  const { maxBodyBytes } = limits;
  const type = response.headers.get("content-type");
  const length = Number(response.headers.get("content-length"));
  if (type !== null && PAGE.test(type)) {
    await discard(response);
    throw failed("content_type", request, `content type ${JSON.stringify(type)}`, "an endorsement");
  }
  if (length > maxBodyBytes) {
    await discard(response);
    throw failed("too_large", request, `${length} bytes`, `${maxBodyBytes} or fewer`);
  }
  const body = await readBody(request, response, maxBodyBytes);
  if (body.length < length) throw failed("truncated", request, `${body.length} bytes`, `${length}`);
  return body;
}

async function readBody(request: DownloadRequest, { body }: Response, maxBodyBytes: number): Promise<Uint8Array> {
  const gathered = new GrowingBytes();
  try {
    for await (const chunk of body ?? []) {
      if (gathered.length + chunk.length > maxBodyBytes) {
        throw failed("too_large", request, `more than ${maxBodyBytes} bytes`, `${maxBodyBytes} or fewer`);
      }
      gathered.add(chunk);
    }
  } catch (cause) {
    if (cause instanceof EndorsementError) throw cause;
    const got = `${gathered.length} bytes and then ${messageOf(cause)}`;
    throw failed("truncated", request, got, "the whole", { cause });
  }
  return gathered.take();
}

/** Lets go of a body that nobody reads. What becomes of its connection does not matter. */
async function discard({ body }: Response): Promise<void> {
  await body?.cancel().catch(() => undefined);
}

function failed(
  code: EndorsementError["code"],
  { name, url }: DownloadRequest,
  got: string,
  wanted: string,
  details?: ErrorOptions & { retryAfterMs?: number },
): EndorsementError {
  return new EndorsementError(code, `Fetch ${name} failed: ${url}: got ${got}, wanted ${wanted}`, details);
}

/** Fetch functions hide what went wrong in the cause of an error that says no more than "fetch failed". */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return JSON.stringify(`${error.message}${inner}`);
}
