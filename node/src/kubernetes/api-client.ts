import { Agent, request } from "node:https";
import { NodeError } from "../errors.ts";

export interface ApiClientOptions {
  host: string;
  port: number;
  caPem: string;
  certificatePem: string;
  keyPem: string;
  /** Time for each request. */
  timeoutMs: number;
}

export interface ApiAnswer {
  status: number;
  body: unknown;
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const MAX_SOCKETS = 6;

/**
 * A few requests to the API server over connections that stay open: for the agent's own objects and the measured
 * manifests. Starting kubectl for them costs more than all requests together.
 */
export class ApiClient {
  readonly #options: ApiClientOptions;
  readonly #agent: Agent;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    const { caPem: ca, certificatePem: cert, keyPem: key } = options;
    this.#agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, ca, cert, key, minVersion: "TLSv1.3" });
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Sends one request with a JSON body. @throws NodeError `kubernetes` where there is no answer */
  send(method: "GET" | "PATCH", path: string, body: object | undefined, signal: AbortSignal): Promise<ApiAnswer> {
    const { host, port, timeoutMs } = this.#options;
    const text = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void =>
        reject(new NodeError("kubernetes", `${method} "${path}" failed: got no answer`, { cause }));
      const outgoing = request({
        host,
        port,
        path,
        method,
        agent: this.#agent,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        headers: {
          accept: "application/json",
          // Server-side apply takes YAML, which JSON is.
          ...(text === undefined
            ? {}
            : { "content-type": "application/apply-patch+yaml", "content-length": text.length }),
        },
      });
      outgoing.once("error", fail);
      outgoing.once("response", (incoming) => {
        const parts: Buffer[] = [];
        let size = 0;
        incoming.on("data", (part: Buffer) => {
          size += part.length;
          if (size > MAX_ANSWER_BYTES) incoming.destroy(new Error(`answer of more than ${MAX_ANSWER_BYTES} bytes`));
          else parts.push(part);
        });
        incoming.once("error", fail);
        incoming.once("end", () => resolve({ status: incoming.statusCode ?? 0, body: parse(Buffer.concat(parts)) }));
      });
      outgoing.end(text);
    });
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
