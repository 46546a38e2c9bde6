import { createHash } from "node:crypto";
import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Credentials } from "../auth/credentials.ts";
import {
  ALGORITHM,
  EMPTY_SHA256,
  pathEncode,
  scopeText,
  signature,
  signingKey,
  timestampOf,
  UNSIGNED_PAYLOAD,
  uriEncode,
} from "../auth/sigv4.ts";
import type { Headers } from "../http/headers.ts";
import { S3Error } from "../http/s3-error.ts";
import { REQUEST_WINDOW_BYTES, writeBody } from "../stream/write-body.ts";

/** Where the store is and who we are there. */
export interface StoreOptions {
  readonly endpoint: URL;
  readonly region: string;
  readonly credentials: Credentials;
  /** Authorities for the store's certificate, PEM; the system's if undefined. */
  readonly ca: string | undefined;
  readonly now: () => Date;
}

/** A body of known length that is made as it is sent. */
export interface StreamBody {
  readonly lengthBytes: number;
  readonly source: AsyncIterable<Uint8Array>;
}

/** A request to the store. */
export interface StoreRequest {
  readonly method: string;
  readonly bucket?: string | undefined;
  readonly key?: string | undefined;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Headers;
  readonly body?: Uint8Array | StreamBody;
}

/** An answer whose body was not read yet: it must be read or destroyed. */
export type StoreResponse = IncomingMessage & { readonly statusCode: number };

const MAX_SOCKETS = 256;
const IDLE_SOCKET_MS = 10_000;
// Between two bytes, not for a whole transfer.
const SILENCE_MS = 120_000;
const MAX_HEADER_BYTES = 32_768;

/** The store that objects are in: signed requests over connections that are kept. */
export class Store {
  readonly #options: StoreOptions;
  readonly #agent: HttpAgent;

  constructor(options: StoreOptions) {
    this.#options = options;
    const pool = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_SOCKET_MS };
    const { ca } = options;
    this.#agent =
      options.endpoint.protocol === "https:"
        ? new HttpsAgent({ ...pool, minVersion: "TLSv1.2", ...(ca === undefined ? {} : { ca }) })
        : new HttpAgent(pool);
  }

  /**
   * Sends a request and waits for the head of the answer. When the body's source fails or the signal aborts, the
   * connection is cut before the announced length was sent: the store keeps nothing.
   * @throws S3Error `ServiceUnavailable` if the store gives no answer; the source's error if that fails
   */
  async send(request: StoreRequest, signal: AbortSignal): Promise<StoreResponse> {
    try {
      return await this.#attempt(request, signal);
    } catch (error) {
      // A kept connection that the store closed meanwhile; what has no body can simply be sent again.
      if (!isReset(error) || request.body !== undefined || signal.aborted) throw storeFailure(error, signal);
    }
    try {
      return await this.#attempt(request, signal);
    } catch (error) {
      throw storeFailure(error, signal);
    }
  }

  /** Ends idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  async #attempt(request: StoreRequest, signal: AbortSignal): Promise<StoreResponse> {
    const send = this.#options.endpoint.protocol === "https:" ? httpsRequest : httpRequest;
    const outgoing = send({ ...this.#requestOptions(request), signal });
    const silence = Object.assign(new Error("the store was silent for too long"), { code: "ETIMEDOUT" });
    outgoing.setTimeout(SILENCE_MS, () => outgoing.destroy(silence));
    const answer = answerOf(outgoing);
    if (!isStream(request.body)) {
      outgoing.end(request.body);
      return await answer;
    }
    const sent = writeBody(outgoing, request.body.source, REQUEST_WINDOW_BYTES);
    const first = await Promise.race([answer, sent.then(() => answer)]);
    // A refusal counts at once, and the rest of the body is not sent. A success counts only with a body that was found
    // good to its end, whatever a store says before.
    if (outgoing.writableEnded || first.statusCode < 300) {
      await sent;
    } else {
      sent.catch(() => {});
      first.once("close", () => outgoing.destroy());
    }
    return first;
  }

  #requestOptions({ method, bucket, key, query = {}, headers = {}, body }: StoreRequest): RequestOptions {
    const { endpoint, region, credentials, now } = this.#options;
    const path = `/${[bucket, key].filter((part) => part !== undefined).join("/")}`;
    const pairs = Object.entries(query);
    const timestamp = timestampOf(now());
    const payloadHash = hashOf(body);
    const all: Headers = {
      ...headers,
      host: endpoint.host,
      "x-amz-content-sha256": payloadHash,
      "x-amz-date": timestamp,
    };
    const signed = Object.entries(all)
      .filter(([name]) => isSigned(name))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const scope = { date: timestamp.slice(0, 8), region };
    const signedRequest = { method, path, query: pairs, headers: signed, payloadHash };
    const value = signature(signingKey(credentials.secretAccessKey, scope), signedRequest, timestamp, scope);
    const names = signed.map(([name]) => name).join(";");
    const credential = `${credentials.accessKeyId}/${scopeText(scope)}`;
    all["authorization"] = `${ALGORITHM} Credential=${credential}, SignedHeaders=${names}, Signature=${value}`;
    if (body !== undefined) all["content-length"] = `${isStream(body) ? body.lengthBytes : body.length}`;
    else if (method === "PUT" || method === "POST") all["content-length"] = "0";
    const search = pairs.map(([name, text]) => `${uriEncode(name)}=${uriEncode(text)}`).join("&");
    return {
      method,
      host: endpoint.hostname,
      port: endpoint.port,
      path: pathEncode(path) + (search === "" ? "" : `?${search}`),
      headers: all,
      agent: this.#agent,
      maxHeaderSize: MAX_HEADER_BYTES,
    };
  }
}

/** Waits for the head of an answer. One that switches protocols ends the request with neither answer nor error. */
function answerOf(outgoing: ClientRequest): Promise<StoreResponse> {
  return new Promise((resolve, reject) => {
    const none = Object.assign(new Error("the store ended the connection without an answer"), { code: "ECONNRESET" });
    outgoing.once("response", (response) => resolve(response as StoreResponse));
    outgoing.on("error", reject).once("close", () => reject(none));
  });
}

/** Whether a header is covered by our signature; those that proxies on the way may change are not. */
function isSigned(name: string): boolean {
  return name === "host" || name.startsWith("x-amz-") || name === "content-type" || name === "content-md5";
}

function isStream(body: StoreRequest["body"]): body is StreamBody {
  return body !== undefined && !(body instanceof Uint8Array);
}

/** Ciphertext protects itself: hashing it once more would only cost time. */
function hashOf(body: StoreRequest["body"]): string {
  if (body === undefined) return EMPTY_SHA256;
  return isStream(body) ? UNSIGNED_PAYLOAD : createHash("sha256").update(body).digest("hex");
}

function isReset(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ECONNRESET" || code === "EPIPE";
}

function storeFailure(error: unknown, signal: AbortSignal): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  // An error with a code of the system is the connection's; any other one is the body's own.
  if (
    signal.aborted ||
    code === undefined ||
    error instanceof S3Error ||
    !/^(E[A-Z]+|HPE_|ERR_TLS|CERT_|UNABLE_|DEPTH_|SELF_)/.test(code)
  ) {
    return error;
  }
  return new S3Error(503, "ServiceUnavailable", "The store gave no answer", { cause: error });
}
