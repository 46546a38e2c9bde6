/** `main.ts --target <name>|all --runs <n> --seed <n> [--write-corpus]`: fuzzes parsers, and reports as JSON lines. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { TARGET_NAMES } from "./targets/names.ts";
import { runWatched } from "./watch.ts";

const MAX_INPUT_BYTES = 1 << 16;

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    runs: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    findings: { type: "string", default: resolve(import.meta.dirname, "../../../build/fuzz") },
    "write-corpus": { type: "boolean", default: false },
  },
});

function wholeNumber(name: "runs" | "seed"): number {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`fuzz: --${name} is "${values[name]}", wanted a whole number`);
  process.exit(2);
}

const wanted = values.target === "all" ? TARGET_NAMES : TARGET_NAMES.filter((name) => name === values.target);
if (wanted.length === 0) {
  console.error(`fuzz: --target is "${values.target ?? ""}", wanted all or one of ${TARGET_NAMES.join(", ")}`);
  process.exit(2);
}

const [runs, seed] = [wholeNumber("runs"), wholeNumber("seed")];
let findings = 0;
for (const target of wanted) {
  const job = { target, runs, seed, maxBytes: MAX_INPUT_BYTES, findings: values.findings };
  findings += await runWatched({ ...job, writesCorpus: values["write-corpus"] }, (line) => {
    console.log(JSON.stringify(line));
  });
}
process.exitCode = findings === 0 ? 0 : 1;
