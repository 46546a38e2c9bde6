import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { median, type Row, spread } from "./row.ts";

const RUNS = 11;

/** Start of the CLI against the floor: Node.js that does nothing, taken in turns. */
export async function benchStartUp(): Promise<Row[]> {
  const top = resolve(import.meta.dirname, "../..");
  const cli: number[] = [];
  const floor: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    cli.push(timed(`${top}/constellation`, ["version"]));
    floor.push(timed(`${top}/scripts/node`, ["-e", "0"]));
  }
  return [
    { what: "constellation version", figure: spread(cli) },
    { what: "node -e 0", figure: spread(floor) },
    { what: "ratio of the medians", figure: (median(cli) / median(floor)).toFixed(2) },
  ];
}

function timed(program: string, args: readonly string[]): number {
  const started = performance.now();
  execFileSync(program, args, { stdio: "ignore" });
  return performance.now() - started;
}
