/** One verification, from bytes, with nothing kept from the one before but the roots. Throws where it refuses. */
export type Work = () => void;

/** What a side tells of the verifications it was asked for. */
export interface Timings {
  /** Of each, by the clock. */
  readonly wallMs: readonly number[];
  /** Processor time of all of them: of all threads, those of the garbage collector too. */
  readonly cpuMs: number;
}

/**
 * Does the work some times. What it leaves behind is collected within the processor time: the native objects of
 * node:crypto, which V8 does not count, would else be paid for by none but those who have it collect for other reasons.
 */
export function time(work: Work, count: number): Timings {
  const before = process.cpuUsage();
  const wallMs = Array.from({ length: count }, () => {
    const started = performance.now();
    work();
    return performance.now() - started;
  });
  globalThis.gc?.({ type: "minor" });
  const { user, system } = process.cpuUsage(before);
  return { wallMs, cpuMs: (user + system) / 1000 };
}
