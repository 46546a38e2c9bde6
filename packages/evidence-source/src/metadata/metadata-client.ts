import { concat } from "@constellation/bytes";
import { EvidenceSourceError, type EvidenceSourceErrorCode } from "../error.ts";
import type { Clock } from "../system/clock.ts";
import type { Fetch } from "../system/fetch.ts";
import { retry } from "../system/retry.ts";

/** One question to the metadata service. */
export interface MetadataRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  /** Beside Azure's `Metadata`, which other platforms do not look at. */
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body?: string;
  readonly maxBytes: number;
}

/** Where the service is, and how much patience it gets. */
export interface MetadataOptions {
  readonly origin: string;
  /** For one attempt, from asking to the end of the answer. */
  readonly timeoutMs: number;
  readonly maxAttempts: number;
}

/** The service of the clouds: at a link-local address, without TLS. Whatever it says is checked by the verifier. */
export const DEFAULT_METADATA_OPTIONS: MetadataOptions = {
  origin: "http://169.254.169.254",
  timeoutMs: 10_000,
  maxAttempts: 5,
};

/** A failure that the service may get over, told apart from others with the same code. */
class TransientStatusError extends EvidenceSourceError {}

const TRANSIENT: ReadonlySet<EvidenceSourceErrorCode> = new Set(["metadata_unreachable", "metadata_timeout"]);
/** Azure's service answers 410 while it is updated, and 429 where it is asked too often. */
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([410, 429]);

/** A client of a platform's metadata service. */
export class MetadataClient {
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  readonly #options: MetadataOptions;

  constructor(options: MetadataOptions, tools: { readonly fetch: Fetch; readonly clock: Clock }) {
    this.#options = options;
    this.#fetch = tools.fetch;
    this.#clock = tools.clock;
  }

  /**
   * The body of the answer. @throws EvidenceSourceError `metadata_unreachable`, `metadata_timeout`, `metadata_status` or
   * `metadata_too_large`
   */
  ask(request: MetadataRequest, signal: AbortSignal): Promise<Uint8Array> {
    const { maxAttempts } = this.#options;
    return retry(() => this.#attempt(request, signal), { maxAttempts, isTransient }, this.#clock, signal);
  }

  async #attempt(request: MetadataRequest, signal: AbortSignal): Promise<Uint8Array> {
    const { timeoutMs } = this.#options;
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      return await this.#answer(request, AbortSignal.any([signal, timeout]));
    } catch (cause) {
      signal.throwIfAborted();
      if (timeout.aborted) throw failed("metadata_timeout", request, `none in ${timeoutMs} ms`, "an answer", cause);
      if (cause instanceof EvidenceSourceError) throw cause;
      throw failed("metadata_unreachable", request, (cause as Error).message, "an answer", cause);
    }
  }

  async #answer(request: MetadataRequest, signal: AbortSignal): Promise<Uint8Array> {
    const { method, path, body } = request;
    const headers = {
      Metadata: "true",
      ...request.headers,
      ...(body !== undefined && { "Content-Type": "application/json" }),
    };
    const init = { method, headers, redirect: "manual", signal, ...(body !== undefined && { body }) } as const;
    const response = await this.#fetch(`${this.#options.origin}${path}`, init);
    if (response.status !== 200) {
      await response.body?.cancel();
      throw statusError(request, response.status);
    }
    return await bodyOf(request, response);
  }
}

function isTransient(error: EvidenceSourceError): boolean {
  return TRANSIENT.has(error.code) || error instanceof TransientStatusError;
}

function statusError(request: MetadataRequest, status: number): EvidenceSourceError {
  const message = `Ask metadata service for "${request.path}" failed: got status ${status}, wanted 200`;
  const transient = status >= 500 || TRANSIENT_STATUSES.has(status);
  return new (transient ? TransientStatusError : EvidenceSourceError)("metadata_status", message);
}

async function bodyOf(request: MetadataRequest, response: Response): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body as ReadableStream<Uint8Array>) {
    length += piece.length;
    if (length > request.maxBytes) {
      throw failed("metadata_too_large", request, `more than ${request.maxBytes} bytes`, "fewer");
    }
    pieces.push(piece);
  }
  return concat(...pieces);
}

function failed(
  code: EvidenceSourceErrorCode,
  { path }: MetadataRequest,
  got: string,
  wanted: string,
  cause?: unknown,
): EvidenceSourceError {
  const message = `Ask metadata service for "${path}" failed: got ${got}, wanted ${wanted}`;
  return new EvidenceSourceError(code, message, { cause });
}
