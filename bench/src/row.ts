/** One printed figure. */
export interface Row {
  what: string;
  figure: string;
}

/** Minimum, median and maximum of some times, as text. */
export function spread(timesMs: readonly number[]): string {
  const sorted = [...timesMs].sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN).toFixed(1);
  return `min ${at(0)} ms, median ${at(0.5)} ms, max ${at(1)} ms`;
}

/** The middle of some times. */
export function median(timesMs: readonly number[]): number {
  const sorted = [...timesMs].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
