/** The environment variable with the time after which no show starts, in seconds since 1970. Unset: there is none. */
export const LAST_START = "CONSTELLATION_E2E_LAST_START";

/** What the creation of a cluster takes on a machine that is slow. */
export const CREATION_MS = 25 * 60_000;
/** What it may take at most: machines boot many times slower under emulation. */
const MAX_CREATION_MS = 60 * 60_000;
/** What is left after the last start for what is under way then. */
const GRACE_MS = 20 * 60_000;

/**
 * Whether it is too late to start a show. Where a run as a whole has a bound, one that starts late on a slow machine would
 * cost the results of all others.
 * @throws if the time is no whole number of seconds
 */
export function isTooLate(lastStart: string | undefined, nowMs: number): boolean {
  return lastStart !== undefined && nowMs > milliseconds(lastStart);
}

/**
 * How long the creation of a cluster that begins now may take.
 * @throws if the time of the last start is no whole number of seconds
 */
export function creationTimeoutMs(lastStart: string | undefined, nowMs: number): number {
  if (lastStart === undefined) return MAX_CREATION_MS;
  return Math.min(MAX_CREATION_MS, milliseconds(lastStart) + GRACE_MS - nowMs);
}

function milliseconds(lastStart: string): number {
  if (/^[0-9]{1,12}$/.test(lastStart)) return Number(lastStart) * 1_000;
  throw new Error(`${LAST_START}: got '${lastStart}', wanted seconds since 1970`);
}
