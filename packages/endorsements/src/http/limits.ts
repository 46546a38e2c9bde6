/** How much patience and memory a request may cost. */
export interface Limits {
  /** For one attempt, from asking to the end of the body. */
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  /** The longest wait before another attempt, whoever asks for it. */
  readonly maxWaitMs: number;
  /** After this long no other attempt at a request begins. */
  readonly totalMs: number;
  readonly maxBodyBytes: number;
  /** After this long the vendor is asked whether there is something newer, before a CRL or document says it is due. */
  readonly maxAgeMs: number;
}

const DAY_MS = 86_400_000;

/** Limits that real services are met with. AMD's KDS takes a request in some seconds from one address. */
export const DEFAULT_LIMITS: Limits = {
  timeoutMs: 30_000,
  maxAttempts: 6,
  maxWaitMs: 60_000,
  totalMs: 180_000,
  maxBodyBytes: 16 * 1024 * 1024,
  maxAgeMs: 7 * DAY_MS,
};
