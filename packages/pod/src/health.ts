import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { Metrics } from "./metrics.ts";

/** Where the kubelet asks, and what says whether the pod is ready. */
export interface HealthOptions {
  readonly host: string;
  readonly port: number;
  /** Throws, or rejects, while the pod is not ready. */
  readonly requireReady: (signal: AbortSignal) => Promise<void>;
  /** What an answer says of why the pod is not ready; default nothing. */
  readonly reasonOf?: (error: unknown) => string;
  /** Shown at `/metrics`; without them there is no such path. */
  readonly metrics?: Pick<Metrics, "text">;
}

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const READY_TIMEOUT_MS = 5_000;

/**
 * Serves `/livez` (the event loop turns) and `/readyz` (`requireReady` succeeds) for the kubelet's probes, which say
 * nothing but the status, and what `reasonOf` makes of the reason. And `/metrics` for Prometheus, where there are any.
 */
export async function serveHealth({ host, port, requireReady, reasonOf, metrics }: HealthOptions): Promise<Server> {
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
    request.resume();
    if (request.url === "/metrics" && metrics !== undefined) {
      response.writeHead(200, { "content-type": METRICS_TYPE }).end(metrics.text());
      return;
    }
    statusOf(request.url, requireReady).then(
      (status) => response.writeHead(status).end(),
      (error: unknown) => response.writeHead(503).end(reasonOf?.(error)),
    );
  });
  server.maxConnections = 16;
  server.listen(port, host);
  await once(server, "listening");
  return server;
}

async function statusOf(url: string | undefined, requireReady: HealthOptions["requireReady"]): Promise<number> {
  if (url === "/livez") return 200;
  if (url !== "/readyz") return 404;
  await requireReady(AbortSignal.timeout(READY_TIMEOUT_MS));
  return 200;
}
