/** What is asked of a `Fetch`. */
export interface FetchInit {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** A redirect is given as it is. */
  readonly redirect: "manual";
  readonly signal: AbortSignal;
}

/** One HTTP request: the function `fetch`, or one that does the same. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>;

/** How much patience and memory a service may cost. */
export interface Limits {
  /** For one attempt, from connecting to the end of the body. */
  readonly attemptMs: number;
  readonly maxAttempts: number;
  /** The longest wait before another attempt, whoever asks for it. */
  readonly maxWaitMs: number;
  /** For all attempts and waits together. */
  readonly totalMs: number;
  readonly maxBodyBytes: number;
}

/** A KMS that needs longer than this holds up a node's boot; better then that the caller tries again. */
export const DEFAULT_LIMITS: Limits = {
  attemptMs: 10_000,
  maxAttempts: 5,
  maxWaitMs: 5_000,
  totalMs: 45_000,
  maxBodyBytes: 64 * 1024,
};

/** What talking to services needs of the world outside. */
export interface Tools {
  readonly fetch: Fetch;
  readonly now: () => Date;
  /** From 0 up to 1, for spreading attempts. */
  readonly jitter: () => number;
  /** Rejects when the signal ends it. */
  readonly delay: (waitMs: number, signal: AbortSignal) => Promise<void>;
  /** A file's bytes. */
  readonly readFile: (path: string, signal: AbortSignal) => Promise<Uint8Array>;
  readonly limits: Limits;
}
