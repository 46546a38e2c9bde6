import type { Clock } from "../system/clock.ts";

/** A clock that stands where a test puts it, and waits for nothing. */
export class FakeClock implements Clock {
  readonly waits: number[] = [];
  nowMs = Date.parse("2026-01-01T00:00:00Z");

  now = (): Date => new Date(this.nowMs);

  delay = async (waitMs: number, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    this.waits.push(waitMs);
    this.nowMs += waitMs;
  };
}
