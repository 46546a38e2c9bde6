import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { inputName } from "./corpus.ts";
import { findingLine } from "./fuzz.ts";
import type { FuzzJob } from "./job.ts";

const WATCH_INTERVAL_MS = 1_000;
/** One input that takes this long is taken for a hang, however busy the machine is. */
const HANG_INTERVALS = 30;
const HEAP_MIB = 1_024;

/** A job without what the thread shares with who watches it. */
export type WatchedJob = Omit<FuzzJob, "current" | "progress">;

/**
 * Runs a job in a thread of its own, and ends it where one input never comes back or takes all memory.
 * Gives how many findings there were; `say` gets them, and the result, as lines of a report.
 */
export async function runWatched(job: WatchedJob, say: (line: object) => void): Promise<number> {
  const current = new SharedArrayBuffer(job.maxBytes);
  const progress = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    workerData: { ...job, current, progress } satisfies FuzzJob,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
  });
  let findings = 0;
  const tell = (line: object): void => {
    if ("event" in line && line.event === "finding") findings += 1;
    say(line);
  };
  const lose = (kind: string, message: string): void => {
    const numbers = new Int32Array(progress);
    const input = Uint8Array.from(new Uint8Array(current, 0, numbers[1]));
    mkdirSync(job.findings, { recursive: true });
    writeFileSync(join(job.findings, `${job.target}-${inputName(input)}`), input);
    tell({ ...findingLine(job.target, { kind: "slow", message, place: kind, input }), kind });
  };
  const watch = watchProgress(new Int32Array(progress), () => {
    lose("hang", `no answer for ${HANG_INTERVALS} s`);
    void worker.terminate();
  });
  worker.on("message", tell);
  worker.on("error", (error) => lose("crash", String(error)));
  await new Promise((resolve) => worker.once("exit", resolve));
  clearInterval(watch);
  return findings;
}

/** Calls back once where the count stands still for too long after it has started. Time when all of us slept is none. */
function watchProgress(progress: Int32Array, onHang: () => void): NodeJS.Timeout {
  let last = 0;
  let still = 0;
  return setInterval(() => {
    const now = Atomics.load(progress, 0);
    still = now === last && now !== 0 ? still + 1 : 0;
    last = now;
    if (still === HANG_INTERVALS) onHang();
  }, WATCH_INTERVAL_MS);
}
