/** The environment variable with the time after which no show starts, in seconds since 1970. Unset: there is none. */
export const LAST_START = "CONSTELLATION_E2E_LAST_START";

/** What the creation of a cluster may take on a machine that is slow. */
export const CREATION_MS = 25 * 60_000;

/**
 * Whether it is too late to start a show. Where a run as a whole has a bound, one that starts late on a slow machine would
 * cost the results of all others.
 * @throws if the time is no whole number of seconds
 */
export function isTooLate(lastStart: string | undefined, nowMs: number): boolean {
  if (lastStart === undefined) return false;
  if (!/^[0-9]{1,12}$/.test(lastStart)) {
    throw new Error(`${LAST_START}: got '${lastStart}', wanted seconds since 1970`);
  }
  return nowMs > Number(lastStart) * 1_000;
}
