/** TCB statuses (Intel PCS API v4, TCB info V3). */
export const TCB_STATUSES = [
  "UpToDate",
  "SWHardeningNeeded",
  "ConfigurationNeeded",
  "ConfigurationAndSWHardeningNeeded",
  "OutOfDate",
  "OutOfDateConfigurationNeeded",
  "Revoked",
] as const;

/** One of `TCB_STATUSES`. */
export type TcbStatus = (typeof TCB_STATUSES)[number];

const OUT_OF_DATE: ReadonlySet<TcbStatus> = new Set(["OutOfDate", "OutOfDateConfigurationNeeded"]);
const SOFTWARE: ReadonlySet<TcbStatus> = new Set(["SWHardeningNeeded", "ConfigurationAndSWHardeningNeeded"]);
const CONFIGURATION: ReadonlySet<TcbStatus> = new Set([
  "ConfigurationNeeded",
  "ConfigurationAndSWHardeningNeeded",
  "OutOfDateConfigurationNeeded",
]);

/** Whether a part with this status is older than Intel wants it. */
export function isOutOfDate(status: TcbStatus): boolean {
  return OUT_OF_DATE.has(status);
}

/**
 * The status of a whole by those of its parts: what is wrong with one is wrong with all, and OutOfDate hides the need
 * for software hardening (Intel PCS API v4, Get TDX TCB Info, step 5).
 */
export function convergeTcbStatus(parts: readonly [TcbStatus, ...TcbStatus[]]): TcbStatus {
  if (parts.includes("Revoked")) return "Revoked";
  const configuration = parts.some((status) => CONFIGURATION.has(status));
  if (parts.some(isOutOfDate)) return configuration ? "OutOfDateConfigurationNeeded" : "OutOfDate";
  const software = parts.some((status) => SOFTWARE.has(status));
  if (configuration) return software ? "ConfigurationAndSWHardeningNeeded" : "ConfigurationNeeded";
  return software ? "SWHardeningNeeded" : "UpToDate";
}
