import type { IncomingHttpHeaders } from "node:http";
import { errorText } from "@constellation/xml";
import type { RequestBody } from "../body/request-body.ts";
import type { KekSource, ObjectName } from "../format/keys.ts";
import { type Headers, responseHeaders } from "../http/headers.ts";
import { toClientEtag } from "../http/etag.ts";
import { S3Error } from "../http/s3-error.ts";
import { Pace } from "../stream/pace.ts";
import { readBody, releaseAnswer } from "../stream/read-body.ts";
import type { Store, StoreRequest, StoreResponse } from "../store/store.ts";

/** An authenticated request. */
export interface Call {
  readonly method: string;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  /** Parameters other than those of the signature. */
  readonly query: ReadonlyMap<string, string>;
  /** Headers, with those in it that a presigned query holds. */
  readonly headers: IncomingHttpHeaders;
  readonly body: RequestBody;
  readonly signal: AbortSignal;
}

/** A request about an object. */
export interface ObjectCall extends Call {
  readonly bucket: string;
  readonly key: string;
}

/** What is answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body?: string | AsyncIterable<Uint8Array>;
}

/** An answer that is a document. */
export type XmlAnswer = Answer & { readonly body: string };

/** What operations need. */
export interface Parts {
  readonly store: Store;
  readonly keks: KekSource;
  /** Whether objects that are not encrypted may be read. */
  readonly allowPlaintextReads: boolean;
  /** How long clients of long operations hear nothing. */
  readonly patienceMs: number;
}

const MAX_ERROR_BYTES = 65_536;
/** Answers of the store that are read into memory: a thousand keys of a listing, escaped. */
export const MAX_XML_BYTES = 8_388_608;
const FIRST_BYTES = 16_384;
const XML_TYPE = "application/xml";
const KEPT_ERROR_HEADERS = [
  "last-modified",
  "retry-after",
  "x-amz-bucket-region",
  "x-amz-delete-marker",
  "x-amz-version-id",
];

/** Bucket and key, to which an object is bound. */
export function nameOf({ bucket, key }: ObjectCall): ObjectName {
  return { bucket, key };
}

/** Sends a request to the store. @throws S3Error for any answer that is not a success */
export async function sendToStore(
  { store }: Parts,
  request: StoreRequest,
  signal: AbortSignal,
): Promise<StoreResponse> {
  const response = await store.send(request, signal);
  if (response.statusCode >= 200 && response.statusCode < 300) return response;
  throw await storeError(response, request.method);
}

/** Reads an answer of the store into memory. */
export async function readResponse(
  response: StoreResponse,
  maxBytes = MAX_XML_BYTES,
  pace = new Pace(),
): Promise<Buffer> {
  // Not a list of pieces: each takes hundreds of bytes of memory, and a store may send one for each byte.
  let whole = Buffer.allocUnsafe(FIRST_BYTES);
  let total = 0;
  for await (const piece of answerBody(response, pace)) {
    const end = total + piece.length;
    if (end > maxBytes) throw new S3Error(502, "BadGateway", `The store's answer has more than ${maxBytes} bytes`);
    if (end > whole.length) whole = Buffer.concat([whole], Math.max(end, 2 * whole.length));
    whole.set(piece, total);
    total = end;
  }
  return whole.subarray(0, total);
}

/** The body of an answer of the store, as it comes. */
export function answerBody(response: StoreResponse, pace = new Pace()): AsyncGenerator<Uint8Array> {
  return readBody(response, {
    pace,
    release: releaseAnswer,
    asFailure: (cause) => new S3Error(503, "ServiceUnavailable", "The store ended its answer early", { cause }),
  });
}

/** Reads and drops an answer, so that its connection can be used again. */
export async function drain(response: StoreResponse): Promise<void> {
  await readResponse(response);
}

/** The answer's headers for a client, its ETag included. */
export function answerHeaders(response: StoreResponse): Headers {
  const { etag } = response.headers;
  return { ...responseHeaders(response.headers), ...(etag === undefined ? {} : { etag: toClientEtag(etag) }) };
}

/** An answer in XML. */
export function xmlAnswer(body: string, headers: Headers = {}): XmlAnswer {
  return { status: 200, headers: { ...headers, "content-type": XML_TYPE }, body };
}

/** The query parameters of a call that go to the store as they are. */
export function passedQuery({ query }: Call, names: readonly string[]): Record<string, string> {
  const pairs = names.map((name) => [name, query.get(name)] as const);
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

async function storeError(response: StoreResponse, method: string): Promise<S3Error> {
  const { statusCode: status } = response;
  const kept = KEPT_ERROR_HEADERS.map((name) => [name, response.headers[name]?.toString()] as const);
  const { etag } = response.headers;
  const headers = {
    ...Object.fromEntries(kept.filter((pair): pair is [string, string] => pair[1] !== undefined)),
    ...(etag === undefined ? {} : { etag: toClientEtag(etag) }),
  };
  const body = method === "HEAD" ? Buffer.alloc(0) : await readResponse(response, MAX_ERROR_BYTES);
  if (method === "HEAD") response.resume();
  const { code, message } = errorText(body) ?? { code: codeOf(status), message: `The store answered ${status}` };
  return new S3Error(status >= 300 ? status : 502, code, message, { headers });
}

function codeOf(status: number): string {
  const codes: Readonly<Record<number, string>> = {
    304: "NotModified",
    400: "BadRequest",
    403: "AccessDenied",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    412: "PreconditionFailed",
    416: "InvalidRange",
    503: "ServiceUnavailable",
  };
  return codes[status] ?? "InternalError";
}
