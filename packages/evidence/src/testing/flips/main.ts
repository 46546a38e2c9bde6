/** `main.ts [case ...]`: changes every byte of every good case, or of those named; what is done already is kept. */
import { goodCases, readTestCase } from "../cases.ts";
import { flipCase } from "./flip.ts";
import { FlipStore } from "./store.ts";
import { tableOf } from "./table.ts";

const FOLDERS = ["azure", "gcp-tpm", "nitro", "sev-snp", "tdx", "tpm-eventlogs"];

const wanted = process.argv.slice(2);
const ids = goodCases(...FOLDERS).filter((id) => wanted.length === 0 || wanted.some((start) => id.startsWith(start)));
if (ids.length === 0) {
  console.error(`flips: got ${wanted.map((start) => `"${start}"`).join(", ")}, wanted starts of names of good cases`);
  process.exit(2);
}

const store = new FlipStore();
for (const id of ids) {
  const startedMs = performance.now();
  for (const part of flipCase(id, readTestCase(id), { done: (name) => store.has(id, name) })) {
    store.add(part);
    const { flips, refused, findings, slowestMs } = part;
    const slowest = `slowest ${Math.ceil(slowestMs)} ms`;
    console.log(`${id} ${part.part}: ${flips} flips, ${refused} refused, ${findings.length} findings, ${slowest}`);
  }
  console.log(`${id}: ${Math.ceil((performance.now() - startedMs) / 1000)} s`);
}
const parts = store.parts.filter(({ id }) => ids.includes(id));
console.log(`\n${tableOf(parts)}`);
process.exitCode = parts.some(({ findings }) => findings.length > 0) ? 1 : 0;
