/** One printed figure. */
export interface Row {
  what: string;
  figure: string;
}

/** Minimum, median and maximum of some times, as text. */
export function spread(timesMs: readonly number[]): string {
  const at = (share: number): string => quantile(timesMs, share).toFixed(1);
  return `min ${at(0)} ms, median ${at(0.5)} ms, max ${at(1)} ms`;
}

/** The value below which this share of some values lies; not a number where there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
}

/** The middle of some times. */
export function median(timesMs: readonly number[]): number {
  const sorted = [...timesMs].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
