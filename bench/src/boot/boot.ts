import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { DebugShell } from "@constellation/e2e/src/harness/debug-shell.ts";
import { MiniCluster } from "@constellation/e2e/src/harness/mini-cluster.ts";
import type { Row } from "../row.ts";
import { bootPlainCluster } from "./plain-cluster.ts";

const TOP = resolve(import.meta.dirname, "../../..");
const IMAGE = join(TOP, "build/image-debug/constellation.raw");
const NODES = ["control-plane-0", "worker-0"];

/** A step that `apply` has reported, with its end in seconds since the first machine was switched on. */
interface Step {
  readonly text: string;
  readonly endSeconds: number;
}

/**
 * From switching on to all nodes Ready, ours against a plain kubeadm cluster with the same programs, network and sizes,
 * both of the debug image; and what our processes take of each node's memory.
 */
export async function benchBoot(): Promise<Row[]> {
  const plain = await bootPlainCluster(IMAGE);
  const cluster = await MiniCluster.prepare({ debug: true });
  try {
    const steps = await applyTimed(cluster.workspace);
    const ready = steps.findLast(({ text }) => text.endsWith("to be Ready"));
    if (ready === undefined) throw new Error("Measure boot failed: apply did not wait for nodes");
    const allSeconds = ready.endSeconds;
    const phases = steps.map(({ text, endSeconds }) => ({
      what: `  ${text}`,
      figure: `at ${endSeconds.toFixed(0)} s`,
    }));
    const memory = await Promise.all(NODES.map((node) => residentMemory(cluster.workspace, node)));
    return [
      { what: "plain kubeadm: control plane Ready", figure: `${plain.controlPlaneSeconds.toFixed(0)} s` },
      { what: "plain kubeadm: the cluster's DNS answers", figure: `${plain.dnsSeconds.toFixed(0)} s` },
      { what: "plain kubeadm: all nodes Ready", figure: `${plain.allSeconds.toFixed(0)} s` },
      { what: "all nodes Ready", figure: `${allSeconds.toFixed(0)} s` },
      ...phases,
      { what: "ratio of all nodes Ready", figure: (allSeconds / plain.allSeconds).toFixed(2) },
      ...memory.flat(),
    ];
  } finally {
    await cluster.remove();
  }
}

/** Runs `apply` and notes when each of its steps ended. */
async function applyTimed(workspace: string): Promise<Step[]> {
  const child = spawn(join(TOP, "constellation"), ["apply", "--yes", "--workspace", workspace], {
    env: { ...process.env, CONSTELL_NO_SPINNER: "1" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<number | null>((done) => child.once("close", done));
  const steps: Step[] = [];
  let switchedOnMs: number | undefined;
  for await (const line of createInterface({ input: child.stderr })) {
    const text = /^(.*) \.\.\. [0-9][0-9.msh]*$/.exec(line)?.[1];
    if (text === `Start ${NODES[0]}`) switchedOnMs = performance.now();
    if (text === undefined || switchedOnMs === undefined) continue;
    steps.push({ text, endSeconds: (performance.now() - switchedOnMs) / 1000 });
  }
  const code = await ended;
  if (code !== 0 || switchedOnMs === undefined) throw new Error(`Run apply failed: exit ${code}, wanted 0`);
  return steps;
}

/** Resident memory of every process that runs our code: each is a Node.js. Pages that they share count in each. */
async function residentMemory(workspace: string, node: string): Promise<Row[]> {
  const shell = new DebugShell(workspace, node);
  const text = await shell.run(
    "for p in /proc/[0-9]*; do case $(readlink $p/exe) in */bin/node) " +
      "echo $(tr '\\0' ' ' < $p/cmdline | grep -o '[a-z-]*[.]mjs') $(grep VmRSS $p/status) $(grep ^Pss: $p/smaps_rollup);; esac; done",
  );
  const found = [...text.matchAll(/^(\S+) VmRSS: (\d+) kB Pss: (\d+) kB$/gm)];
  if (found.length === 0) throw new Error(`Measure memory of ${node} failed: got "${text}"`);
  const sum = (index: number): string =>
    (found.reduce((total, match) => total + Number(match[index]), 0) / 1024).toFixed(0);
  const each = found.map(([, name, resident]) => `${name} ${(Number(resident) / 1024).toFixed(0)}`).join(", ");
  return [
    { what: `${node}: our ${found.length} processes, resident`, figure: `${sum(2)} MiB (${each})` },
    { what: `${node}: the same, shared pages divided`, figure: `${sum(3)} MiB` },
  ];
}
