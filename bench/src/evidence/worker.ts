import { createInterface } from "node:readline";
import { dcapQvl } from "./dcap-qvl.ts";
import { floor, floorWithKeys } from "./floor.ts";
import { parseInputs, type Inputs } from "./inputs.ts";
import { OURS } from "./ours.ts";
import { time, type Work } from "./work.ts";

/** The sides that run in Node.js, each in a process of its own. Speaks as the Go program of the other peers does. */
const SIDES: Readonly<Record<string, (inputs: Inputs) => Work>> = {
  ours: (inputs) => OURS[inputs.kind](inputs),
  "node:crypto": floor,
  "node:crypto with keys": floorWithKeys,
  "@phala/dcap-qvl": dcapQvl,
};

const prepare = SIDES[process.argv[2] ?? ""];
if (prepare === undefined) throw new Error(`Start worker failed: got "${process.argv[2]}", wanted a side`);
let work: Work | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  if (work === undefined) work = prepare(parseInputs(line));
  else console.log(JSON.stringify(time(work, Number(line))));
}
