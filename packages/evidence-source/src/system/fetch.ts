import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";

/** What is asked of a `Fetch`. */
export interface FetchInit {
  readonly method: "GET" | "POST" | "PUT";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** A redirect is given as it is. */
  readonly redirect: "manual";
  readonly signal: AbortSignal;
}

/** One HTTP request: the function `fetch`, or one that does the same. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>;

/** Statuses whose answers have no body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * Plain http past every proxy: a metadata service is at an address of the machine's own link, and what a proxy has
 * there is another machine's. The global function goes through a proxy where the process was started for it.
 */
export function createDirectFetch(): Fetch {
  const agent = new Agent({ proxyEnv: {} });
  return (url, { method, headers, body, signal }) => {
    return answerTo(request(url, { method, headers, signal, agent }), body);
  };
}

function answerTo(asked: ClientRequest, body: string | undefined): Promise<Response> {
  return new Promise((resolve, reject) => {
    asked.once("response", (message) => resolve(toResponse(message)));
    asked.on("error", reject);
    asked.end(body);
  });
}

function toResponse(message: IncomingMessage): Response {
  const status = message.statusCode as number;
  if (BODILESS.has(status)) {
    message.resume();
    return new Response(null, { status });
  }
  return new Response(Readable.toWeb(message) as ReadableStream<Uint8Array>, { status });
}
