const SECONDS = /^\d{1,9}$/;

/** The wait that a header Retry-After asks for: seconds or a date (RFC 9110 section 10.2.3). Undefined for neither. */
export function retryAfterMs(header: string | null, now: Date): number | undefined {
  if (header === null) return undefined;
  if (SECONDS.test(header)) return Number(header) * 1_000;
  const waitMs = Date.parse(header) - now.getTime();
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}
