import { readFileSync } from "node:fs";

/** Processor time of this computer since it booted, in ticks, from the first line of /proc/stat. */
export interface ProcessorTimes {
  readonly all: number;
  readonly idle: number;
  /** Wanted by this computer, and given by its host to somebody else. */
  readonly stolen: number;
}

/** Parses the first line of /proc/stat (proc_stat(5)): user, nice, system, idle, iowait, irq, softirq, steal, guest ... */
export function parseProcessorTimes(stat: string): ProcessorTimes {
  const values = stat.split("\n", 1)[0]?.trim().split(/\s+/).slice(1, 9).map(Number) ?? [];
  const [, , , idle = 0, waiting = 0, , , stolen = 0] = values;
  return { all: values.reduce((sum, value) => sum + value, 0), idle: idle + waiting, stolen };
}

/** How busy processors were between two moments, in words. */
export function describeLoad(before: ProcessorTimes, after: ProcessorTimes): string {
  const all = after.all - before.all;
  if (all <= 0) return "processors not measured";
  const percent = (ticks: number): number => Math.round((100 * ticks) / all);
  const stolen = percent(after.stolen - before.stolen);
  return `processors ${100 - percent(after.idle - before.idle)} % busy, ${stolen} % of the time taken by their host`;
}

/** Tells how busy the processors were since it was made, or last asked: emulated machines are as quick as these let them be. */
export class ProcessorLoad {
  #last = readTimes();

  describe(): string {
    const now = readTimes();
    const text = describeLoad(this.#last, now);
    this.#last = now;
    return text;
  }
}

function readTimes(): ProcessorTimes {
  return parseProcessorTimes(readFileSync("/proc/stat", "utf8"));
}
