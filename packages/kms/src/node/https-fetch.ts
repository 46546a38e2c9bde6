import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import type { Fetch } from "../http/fetch.ts";

/** A connection that is not there after this long will not come in the time of an attempt. */
const CONNECT_TIMEOUT_MS = 5_000;
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * A `Fetch` over node:https: TLS 1.2 or later, CAs of its own where they are given, a bound on connecting, no proxy and
 * no redirect. Each request has a connection of its own, so none waits behind another and none outlives its credentials.
 */
export function createFetch(ca?: string): Fetch {
  const plain = new Agent({ keepAlive: false });
  const secure = new HttpsAgent({ keepAlive: false, minVersion: "TLSv1.2", ...(ca === undefined ? {} : { ca }) });
  return async (url, { method, headers, body, signal }) => {
    const options = { method, headers: { ...headers, ...lengthOf(method, body) }, signal };
    const request = url.startsWith("https:")
      ? httpsRequest(url, { ...options, agent: secure })
      : httpRequest(url, { ...options, agent: plain });
    return answerTo(request, url.startsWith("https:") ? "secureConnect" : "connect", body);
  };
}

/** Without it node:http would send pieces, which stores do not take. */
function lengthOf(method: string, body: Uint8Array | string | undefined): Record<string, string> {
  if (body === undefined) return method === "GET" || method === "DELETE" ? {} : { "content-length": "0" };
  return { "content-length": String(Buffer.byteLength(body)) };
}

function answerTo(request: ClientRequest, connected: string, body: Uint8Array | string | undefined): Promise<Response> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => request.destroy(connectTimeout()), CONNECT_TIMEOUT_MS);
    request.once("socket", (socket) => socket.once(connected, () => clearTimeout(timer)));
    request.once("close", () => clearTimeout(timer));
    request.once("response", (message) => resolve(toResponse(message)));
    request.on("error", reject);
    request.end(body);
  });
}

function connectTimeout(): Error {
  return Object.assign(new Error(`no connection in ${CONNECT_TIMEOUT_MS} ms`), { code: "ETIMEDOUT" });
}

function toResponse(message: IncomingMessage): Response {
  const status = message.statusCode as number;
  const headers = Object.entries(message.headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  );
  if (BODILESS.has(status)) {
    message.resume();
    return new Response(null, { status, headers });
  }
  return new Response(Readable.toWeb(message) as ReadableStream<Uint8Array>, { status, headers });
}
