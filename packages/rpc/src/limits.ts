/** Bounds of one server or client. Each can be set; none can be switched off by leaving it out. */
export interface RpcLimits {
  /** Greatest message read. Default 4 MiB. */
  readonly readMaxBytes: number;
  /** Greatest message written. Default 4 MiB. */
  readonly writeMaxBytes: number;
  /** Calls under way at once on one connection. Default 64. */
  readonly maxConcurrentStreams: number;
  /** Connections at once. Default 256. Servers only. */
  readonly maxConnections: number;
  /** Longest time that a client may ask for. Default one hour. Servers only. */
  readonly maxTimeoutMs: number;
  /** Interval of PINGs on each connection. Default 20 s. */
  readonly pingIntervalMs: number;
  /** Time for the answer to a PING, after which the connection counts as dead. Default 20 s. */
  readonly pingTimeoutMs: number;
  /** A connection without calls is closed after so long. Default 15 min. Servers only. */
  readonly idleTimeoutMs: number;
  /** Time that calls under way get to end when a server closes. Default 2 s. */
  readonly closeGraceMs: number;
}

/** Bounds that hold where nothing else is said. */
export const DEFAULT_LIMITS: RpcLimits = {
  readMaxBytes: 4 * 1024 * 1024,
  writeMaxBytes: 4 * 1024 * 1024,
  maxConcurrentStreams: 64,
  maxConnections: 256,
  maxTimeoutMs: 60 * 60 * 1000,
  pingIntervalMs: 20_000,
  pingTimeoutMs: 20_000,
  idleTimeoutMs: 15 * 60 * 1000,
  closeGraceMs: 2_000,
};
