import { describeError, type Log } from "./log.ts";

/** Something that is closed when the pod ends: it stops taking work and waits, within bounds, for what is under way. */
export interface Closeable {
  close(): Promise<void>;
}

/**
 * Runs a pod: starts it, waits for SIGTERM or SIGINT, closes it. A failure is logged and sets exit code 1.
 *
 * @param start gives what must be closed at the end, in the order of closing
 */
export async function runPod(log: Log, start: (signal: AbortSignal) => Promise<readonly Closeable[]>): Promise<void> {
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort(name));
  try {
    const parts = await start(stop.signal);
    log.record("started", { rssBytes: process.memoryUsage.rss() });
    await aborted(stop.signal);
    log.record("stopping", { signal: String(stop.signal.reason) });
    for (const part of parts) await part.close();
    log.record("stopped");
  } catch (error) {
    log.record("failed", { error: describeError(error) });
    process.exitCode = 1;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
