/** Measures volumes on the node that this pod runs on, and prints a report as a line of JSON. */
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { nodeFiles, nodeSystem } from "@constellation/csi/testing/volumes";
import { exec } from "@constellation/exec";
import { openDirect } from "./direct-file.ts";
import type { Machine } from "./machine.ts";
import { measureVolumes, SIZES } from "./measure.ts";

const [workFolder = "", runFolder = ""] = process.argv.slice(2);
if (workFolder === "" || runFolder === "") {
  throw new Error(`Start measurement failed: got folders "${workFolder}" and "${runFolder}", wanted two paths`);
}
const stop = new AbortController();
// The first process of a container ends by no signal that it does not ask for.
process.once("SIGTERM", () => stop.abort(new Error("got SIGTERM")));
const machine: Machine = {
  exec,
  files: nodeFiles,
  system: nodeSystem,
  workFolder,
  runFolder,
  nowMs: () => performance.now(),
  note: (text) => console.error(text),
  delay: (ms) => delay(ms),
  openDirect: async (device) => openDirect(device, SIZES.blockBytes),
  signal: stop.signal,
};
console.log(JSON.stringify(await measureVolumes(machine, (path) => readFile(path, "utf8"))));
