/** `main.ts [package ...]`: changes the code that decides on trust, one place at a time, and sees that tests notice. */
import { availableParallelism } from "node:os";
import explanations from "./explained.json" with { type: "json" };
import { planPackage } from "./plan.ts";
import { lives, summarise } from "./report.ts";
import { runPackage } from "./run-package.ts";
import { type Result, ResultStore } from "./store.ts";

/** The packages that decide on trust, those that others stand on first. */
const PACKAGES = [
  "bytes",
  "der",
  "crypto",
  "x509",
  "cose",
  "json",
  "fields",
  "verdict",
  "keys",
  "tpm2",
  "eventlog",
  "hcl",
  "nitro",
  "sev-snp",
  "tdx",
  "vtpm",
  "attestation",
  "evidence",
  "atls",
];
const LEAST_SCORE = 95;

const wanted = process.argv.slice(2);
const names = PACKAGES.filter((name) => wanted.length === 0 || wanted.includes(name));
if (names.length === 0 || wanted.some((name) => !names.includes(name))) {
  console.error(`mutation: got "${wanted.join(" ")}", wanted some of ${PACKAGES.join(", ")}`);
  process.exit(2);
}

function tell(result: Result): void {
  if (lives(result)) console.log(`${result.outcome} ${shown(result)}`);
}

function shown({ file, line, function: name, mutation }: Result): string {
  return `${file}:${line} ${name}: ${mutation}`;
}

const jobs = Number(process.env["JOBS"] ?? availableParallelism());
const results: Result[] = [];
for (const name of names) {
  const plan = planPackage(name);
  if (plan.mutants.length > 0) results.push(...(await runPackage(plan, new ResultStore(plan), tell, { jobs })));
}
const { table, score, unexplained, stale } = summarise(results, explanations);
console.log(table);
for (const one of unexplained) console.log(`lives and is not explained: ${shown(one)}`);
for (const one of stale) console.log(`is explained, but does not live: ${one.file} ${one.function}: ${one.mutation}`);
if (score < LEAST_SCORE) console.log(`score is ${score.toFixed(1)}, wanted ${LEAST_SCORE} or more`);
process.exitCode = score >= LEAST_SCORE && unexplained.length === 0 && stale.length === 0 ? 0 : 1;
