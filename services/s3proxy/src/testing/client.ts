import { createHash } from "node:crypto";
import { once } from "node:events";
import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline } from "node:stream/promises";
import { ALGORITHM, pathEncode, scopeText, signature, signingKey, timestampOf, uriEncode } from "../auth/sigv4.ts";
import { CLIENT, credentials, REGION } from "./proxy.ts";

/** A request of a test's client. */
export interface TestRequest {
  readonly method?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** What `x-amz-content-sha256` says; the body's hash by default. */
  readonly payload?: string;
}

/** What came back. `complete` is false where the connection was cut off. */
export interface TestAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly complete: boolean;
  /** The code of an error. */
  readonly code: string | undefined;
}

/** What goes beyond a request of text: connections that are kept, bodies that are made while they are sent. */
export interface StreamOptions extends TestRequest {
  readonly agent?: Agent;
  readonly source?: AsyncIterable<Uint8Array>;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Sends a signed request to a proxy or store, without an SDK between, and gives the answer unread. */
export async function open(endpoint: string, path: string, options: StreamOptions = {}): Promise<IncomingMessage> {
  const { method = "GET", query = {}, body = "", agent, source } = options;
  const headers = signed(endpoint, path, options);
  const search = Object.entries(query).map(([name, value]) => `${uriEncode(name)}=${uriEncode(value)}`);
  const url = new URL(endpoint + pathEncode(path) + (search.length === 0 ? "" : `?${search.join("&")}`));
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  const outgoing = request(url, { method, headers, agent: agent ?? false });
  const answer = once(outgoing, "response") as Promise<[IncomingMessage]>;
  outgoing.on("error", () => {});
  if (source === undefined) outgoing.end(body);
  else await Promise.race([pipeline(source, outgoing), answer]);
  return (await answer)[0];
}

/** Sends a signed request to a proxy and reads the answer, also one that is cut off. */
export async function send(endpoint: string, path: string, options: StreamOptions = {}): Promise<TestAnswer> {
  const response = await open(endpoint, path, options);
  const pieces: Buffer[] = [];
  try {
    for await (const piece of response) pieces.push(piece as Buffer);
  } catch {
    // Seen below: the answer is not complete.
  }
  const bytes = Buffer.concat(pieces);
  const code = /<Code>(\w+)<\/Code>/.exec(bytes.toString("latin1", 0, 1_000))?.[1];
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: bytes,
    complete: response.complete,
    code,
  };
}

/** Headers of a request with its signature. */
export function signed(endpoint: string, path: string, options: StreamOptions): Record<string, string> {
  const { method = "GET", query = {}, headers = {}, body = "", payload } = options;
  const timestamp = timestampOf(new Date());
  const scope = { date: timestamp.slice(0, 8), region: REGION };
  const payloadHash = payload ?? createHash("sha256").update(body).digest("hex");
  const all: Record<string, string> = {
    ...headers,
    host: new URL(endpoint).host,
    "x-amz-content-sha256": payloadHash,
    "x-amz-date": timestamp,
  };
  const pairs = Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
  const given = options.credentials ?? CLIENT;
  const { accessKeyId, secretAccessKey } = credentials(given.accessKeyId, given.secretAccessKey);
  const request = { method, path, query: Object.entries(query), headers: pairs, payloadHash };
  const value = signature(signingKey(secretAccessKey, scope), request, timestamp, scope);
  const names = pairs.map(([name]) => name).join(";");
  const credential = `${accessKeyId}/${scopeText(scope)}`;
  all["authorization"] = `${ALGORITHM} Credential=${credential}, SignedHeaders=${names}, Signature=${value}`;
  if (headers["content-length"] === undefined) all["content-length"] = `${Buffer.byteLength(body)}`;
  return all;
}
