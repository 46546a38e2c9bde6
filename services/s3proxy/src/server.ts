import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Closeable } from "@constellation/pod";
import { handle, type HandlerParts } from "./handle.ts";

/** Certificate and key for clients, PEM. */
export interface TlsIdentity {
  readonly certificate: string;
  readonly key: string;
}

/** Where the proxy listens. */
export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  /** Undefined: no TLS, for clients in the same pod only. */
  readonly tls: TlsIdentity | undefined;
}

/** A running proxy. */
export interface RunningProxy extends Closeable {
  readonly address: AddressInfo;
}

const BOUNDS = {
  maxHeaderSize: 32_768,
  headersTimeout: 15_000,
  // Bodies may take as long as they like while bytes come: see `SILENCE_MS`.
  requestTimeout: 0,
  keepAliveTimeout: 65_000,
} as const;
const SILENCE_MS = 120_000;
const MAX_CONNECTIONS = 512;
const MAX_REQUESTS = 128;
const CLOSE_GRACE_MS = 10_000;

/** Serves S3 to clients. */
export async function startProxy(options: ServerOptions, parts: HandlerParts): Promise<RunningProxy> {
  let running = 0;
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    response.on("timeout", (socket: Socket) => {
      // Nobody waits for the client but the client for us: copies take as long as they take.
      if (request.complete && response.writableLength === 0) socket.setTimeout(SILENCE_MS);
      else socket.destroy();
    });
    if (running >= MAX_REQUESTS) return refuseBusy(response);
    running += 1;
    void handle(request, response, parts).finally(() => (running -= 1));
  };
  const server = createServer(options.tls, listener);
  // The body is asked for when somebody reads it, after the request was found to be allowed.
  server.on("checkContinue", listener);
  server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
    // Empty, it expects nothing: S3 takes it so.
    if (request.headers.expect === "") return listener(request, response);
    response.writeHead(417, { connection: "close" }).end();
  });
  server.setTimeout(SILENCE_MS);
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(options.port, options.host);
  await once(server, "listening");
  return { address: server.address() as AddressInfo, close: () => close(server) };
}

function createServer(
  tls: TlsIdentity | undefined,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  if (tls === undefined) return createHttpServer(BOUNDS, listener);
  const secure = { cert: tls.certificate, key: tls.key, minVersion: "TLSv1.2" as const, ALPNProtocols: ["http/1.1"] };
  return createHttpsServer({ ...BOUNDS, ...secure }, listener);
}

function refuseBusy(response: ServerResponse): void {
  const body =
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>';
  response.writeHead(503, { "content-type": "application/xml", "retry-after": "1", connection: "close" }).end(body);
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(timer);
}
