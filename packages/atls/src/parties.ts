/** Issues this side's evidence. */
export interface Attester {
  /**
   * Issues evidence over 64 bytes of report data.
   * @throws when there is none; the peer then learns that, but not why
   */
  issue(reportData: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
}

/** Decides about the peer's evidence. */
export interface Appraiser<P> {
  /**
   * Gives what the application wants to know about the peer, or throws to refuse it. A lower-case `code` of the thrown
   * error is told to the peer, its message is not.
   */
  appraise(evidence: Uint8Array, reportData: Uint8Array, signal: AbortSignal): Promise<P>;
}

/**
 * Stands in the place of an {@link Attester} or {@link Appraiser} where a side sends no evidence by explicit choice.
 * An appraiser never gets an anonymous peer, and an anonymous peer is never taken for an attesting one.
 */
export const ANONYMOUS: unique symbol = Symbol("anonymous");
