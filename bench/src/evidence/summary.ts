import { median, type Row } from "../row.ts";
import type { Timings } from "./work.ts";

/** All rounds of one side. */
export interface Samples {
  readonly name: string;
  readonly rounds: Timings[];
}

/** What is printed of each side, and of ours against every other; ours comes first. */
export function rowsOf(sides: readonly Samples[]): Row[] {
  const [ours, ...others] = sides;
  if (ours === undefined) return [];
  return [
    ...sides.map((side) => ({ what: `  ${side.name}`, figure: speedOf(side) })),
    ...others.map((other) => ({ what: `  ours to ${other.name}`, figure: ratioOf(ours, other) })),
  ];
}

/** By processor time, which other programs on the machine do not count into, and by the clock, which they do. */
function speedOf({ rounds }: Samples): string {
  const wallMs = rounds.flatMap((round) => round.wallMs).sort((a, b) => a - b);
  const at = (share: number): string => (wallMs[Math.floor(share * (wallMs.length - 1))] ?? Number.NaN).toFixed(2);
  const cpuMs = rounds.reduce((sum, round) => sum + round.cpuMs, 0);
  const perSecond = ((wallMs.length * 1000) / cpuMs).toFixed(0);
  return `${perSecond} per second and core, min ${at(0)} ms, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}

/** Of the processor times and, as noise only adds, of the quickest verifications. */
function ratioOf(ours: Samples, other: Samples): string {
  const ratios = ours.rounds.map(({ cpuMs }, round) => cpuMs / (other.rounds[round]?.cpuMs ?? Number.NaN));
  ratios.sort((a, b) => a - b);
  const text = (value: number | undefined): string => (value ?? Number.NaN).toFixed(2);
  const spread = `processor time ${text(median(ratios))} (rounds ${text(ratios[0])} to ${text(ratios.at(-1))})`;
  return `${spread}, quickest ${text(quickest(ours) / quickest(other))}`;
}

function quickest({ rounds }: Samples): number {
  return Math.min(...rounds.flatMap((round) => round.wallMs));
}
