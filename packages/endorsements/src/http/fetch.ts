import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { EndorsementError } from "../error.ts";

/** What is asked of a `Fetch`. */
export interface FetchInit {
  readonly method: "GET";
  readonly headers: Readonly<Record<string, string>>;
  /** A redirect is given as it is. */
  readonly redirect: "manual";
  readonly signal: AbortSignal;
}

/** One HTTP request: the function `fetch`, or one that does the same. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>;

/** How requests go out. */
export interface FetchOptions {
  /** HTTPS_PROXY and NO_PROXY in either case, as in `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** PEM certificates of CAs that are trusted instead of the system's, for a caching service with a private one. */
  readonly ca?: readonly string[];
}

const PROXY_SCHEMES: ReadonlySet<string> = new Set(["http:", "https:"]);
/** Statuses whose answers have no body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * A `Fetch` that goes through the proxy that an environment names. The global one of Node.js does so only where the
 * process was started for it, and changing that changes it for everyone in the process. Plain http is for addresses of
 * this machine, and never goes through a proxy: the proxy's idea of this machine is another.
 * Throws `EndorsementError` "proxy_invalid".
 */
export function createFetch({ env, ca }: FetchOptions): Fetch {
  requireProxy(env);
  const direct = new Agent({ proxyEnv: {} });
  const proxied = new HttpsAgent({ proxyEnv: { ...env }, ...(ca && { ca: [...ca] }) });
  return async (url, { method, headers, signal }) => {
    const options = { method, headers, signal };
    const request = url.startsWith("https:")
      ? httpsRequest(url, { ...options, agent: proxied })
      : httpRequest(url, { ...options, agent: direct });
    return answerTo(request);
  };
}

/** Node.js goes around a proxy whose address it does not understand. Addresses can bear passwords, and are not told. */
function requireProxy(env: FetchOptions["env"]): void {
  for (const name of ["https_proxy", "HTTPS_PROXY"]) {
    const address = env[name] ?? "";
    if (address === "" || (URL.canParse(address) && PROXY_SCHEMES.has(new URL(address).protocol))) continue;
    throw new EndorsementError(
      "proxy_invalid",
      `Use proxy failed: got another ${name}, wanted an http or https address`,
    );
  }
}

function answerTo(request: ClientRequest): Promise<Response> {
  return new Promise((resolve, reject) => {
    request.once("response", (message) => resolve(toResponse(message)));
    request.on("error", reject);
    request.end();
  });
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
