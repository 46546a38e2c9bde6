import { connect, createServer, type Server, type Socket } from "node:net";
import { NodeError } from "../errors.ts";

/** host:port of an API server. */
export interface Endpoint {
  host: string;
  port: number;
}

export interface ApiProxyOptions {
  host: string;
  port: number;
  /** A server that does not answer in this time is passed over. */
  connectTimeoutMs: number;
  /** How long a server that failed is tried only after the others. */
  penaltyMs: number;
  /** Monotonic clock. */
  nowMs: () => number;
}

/**
 * The node's own endpoint for the API: one fixed address for kubelet and Cilium on every node. Bytes go through as they
 * are; TLS is between the client and the API server.
 */
export class ApiProxy {
  readonly #options: ApiProxyOptions;
  readonly #server: Server;
  readonly #failedUntilMs = new Map<string, number>();
  readonly #sockets = new Set<Socket>();
  #endpoints: readonly Endpoint[] = [];

  constructor(options: ApiProxyOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true, pauseOnConnect: true }, (client) => {
      this.#serve(client).catch(() => client.destroy());
    });
  }

  /** Sets the API servers, the preferred one first. */
  setEndpoints(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** @throws NodeError `endpoint` */
  listen(): Promise<number> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once("error", (cause) =>
        reject(new NodeError("endpoint", `Listen on "${host}:${port}" failed`, { cause })),
      );
      this.#server.listen({ host, port }, () => {
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(client: Socket): Promise<void> {
    this.#track(client);
    for (const endpoint of this.#inOrder()) {
      if (client.destroyed) return;
      const upstream = await this.#dial(endpoint);
      if (upstream === undefined) continue;
      this.#track(upstream);
      splice(client, upstream);
      return;
    }
    client.destroy();
  }

  #inOrder(): Endpoint[] {
    const now = this.#options.nowMs();
    const isPenalised = (endpoint: Endpoint): boolean => (this.#failedUntilMs.get(keyOf(endpoint)) ?? 0) > now;
    return [...this.#endpoints].sort((a, b) => Number(isPenalised(a)) - Number(isPenalised(b)));
  }

  #dial(endpoint: Endpoint): Promise<Socket | undefined> {
    const { connectTimeoutMs, penaltyMs, nowMs } = this.#options;
    return new Promise((resolve) => {
      const upstream = connect({ ...endpoint, noDelay: true });
      const fail = (): void => {
        upstream.destroy();
        this.#failedUntilMs.set(keyOf(endpoint), nowMs() + penaltyMs);
        resolve(undefined);
      };
      upstream.setTimeout(connectTimeoutMs, fail);
      upstream.once("error", fail);
      upstream.once("connect", () => {
        upstream.setTimeout(0);
        upstream.off("error", fail);
        this.#failedUntilMs.delete(keyOf(endpoint));
        resolve(upstream);
      });
    });
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setKeepAlive(true, 15_000);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#sockets.delete(socket));
  }
}

function splice(client: Socket, upstream: Socket): void {
  client.once("close", () => upstream.destroy());
  upstream.once("close", () => client.destroy());
  client.pipe(upstream);
  upstream.pipe(client);
}

function keyOf({ host, port }: Endpoint): string {
  return `${host}:${port}`;
}

/** Parses "host:port". @throws NodeError `endpoint` */
export function parseEndpoint(text: string): Endpoint {
  const match = /^(.+):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] !== undefined && port > 0 && port < 65536) return { host: match[1], port };
  throw new NodeError("endpoint", `Parse endpoint failed: got "${text}", wanted "host:port"`);
}
