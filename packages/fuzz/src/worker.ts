/** The thread that runs parsers; `main.ts` watches it, as nothing stops a parser that never comes back. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { inputName, readCorpus, writeCorpus } from "./corpus.ts";
import { Coverage } from "./coverage.ts";
import { findingLine, fuzz } from "./fuzz.ts";
import type { FuzzJob } from "./job.ts";

const job = workerData as FuzzJob;
const coverage = new Coverage();
coverage.register((url) => /\/packages\/(?!fuzz\/|testkit\/)[^/]+\/src\//.test(url));
// Imported only now, so that they are instrumented.
const { loadTarget } = await import("./targets/index.ts");
const { Vectors } = await import("./vectors.ts");

const target = await loadTarget(job.target);
const current = new Uint8Array(job.current);
const progress = new Int32Array(job.progress);

function say(line: object): void {
  parentPort?.postMessage(line);
}

function save(input: Uint8Array): void {
  mkdirSync(job.findings, { recursive: true });
  writeFileSync(join(job.findings, `${job.target}-${inputName(input)}`), input);
}

const start = process.threadCpuUsage();
const result = fuzz({
  target,
  coverage,
  inputs: [...target.seeds(new Vectors()), ...readCorpus(target.name)],
  runs: job.runs,
  seed: job.seed,
  maxBytes: job.maxBytes,
  onExecution: (bytes) => {
    const kept = bytes.subarray(0, current.length);
    current.set(kept);
    Atomics.store(progress, 1, kept.length);
    Atomics.add(progress, 0, 1);
  },
  onFinding: (found) => {
    save(found.input);
    say(findingLine(target.name, found));
  },
});
const { user, system } = process.threadCpuUsage(start);
const seconds = (user + system) / 1_000_000;
if (job.writesCorpus) writeCorpus(target.name, result.corpus);
const { corpus, ...counts } = result;
say({
  event: "done",
  target: target.name,
  seed: job.seed,
  ...counts,
  corpus: corpus.length,
  processorSeconds: Math.round(seconds),
  executionsPerProcessorSecond: Math.round(counts.executions / seconds),
});
