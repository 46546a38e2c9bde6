import { fromUtf8 } from "@constellation/bytes";
import type { Fetch, FetchInit } from "../http/fetch.ts";

/** A request as a stand-in sees it. */
export interface SeenRequest {
  readonly method: FetchInit["method"];
  readonly url: URL;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** The body's JSON. */
  readonly json: () => Record<string, unknown>;
  readonly form: () => URLSearchParams;
}

/** A service that a test runs in its own process: a `Fetch` that asks `handle` instead of a network. */
export function standIn(handle: (request: SeenRequest) => Response | Promise<Response>): Fetch {
  return async (url, { method, headers, body = "", signal }) => {
    signal.throwIfAborted();
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    return handle({
      method,
      url: new URL(url),
      headers: new Headers(headers),
      body: bytes,
      json: () => JSON.parse(fromUtf8(bytes)) as Record<string, unknown>,
      form: () => new URLSearchParams(fromUtf8(bytes)),
    });
  };
}

/** An answer in JSON. */
export function jsonResponse(json: unknown, status = 200): Response {
  return new Response(JSON.stringify(json), { status, headers: { "content-type": "application/json" } });
}
