import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { localStatus } from "@constellation/infrastructure-local";
import type { MiniCluster } from "./mini-cluster.ts";
import { say } from "./say.ts";

const CONSOLE_LINES = 60;
const LOG_LINES = 40;

/** Says everything that helps to see from the log alone why a test failed. */
export async function diagnose(cluster: MiniCluster): Promise<void> {
  const status = await localStatus(cluster.workspace).catch(() => undefined);
  for (const node of status?.nodes ?? []) {
    const text = await cluster.console(node.name).catch((error: unknown) => String(error));
    show(`console of ${node.name} (machine ${node.machine.state})`, text, CONSOLE_LINES);
  }
  for (const name of ["netd.log", "gateway.log"]) {
    const path = join(cluster.workspace, "constellation-local", name);
    show(name, await readFile(path, "utf8").catch(() => ""), LOG_LINES);
  }
  show("registry", await cluster.registry.log().catch(() => ""), LOG_LINES);
  await showKubernetes(cluster);
}

async function showKubernetes(cluster: MiniCluster): Promise<void> {
  const questions: [string, string[]][] = [
    ["nodes", ["get", "nodes", "--output=wide"]],
    ["pods", ["get", "pods", "--all-namespaces", "--output=wide"]],
    ["events", ["get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"]],
    [
      "join service",
      ["--namespace=kube-system", "logs", "--selector=app.kubernetes.io/name=join-service", "--tail=40"],
    ],
  ];
  try {
    const kubectl = await cluster.kubectl();
    for (const [what, args] of questions) {
      const { exitCode, stdout, stderr } = await kubectl.attempt(args);
      show(what, exitCode === 0 ? stdout : stderr, LOG_LINES);
      if (exitCode !== 0) return;
    }
  } catch (error) {
    say(`Kubernetes can't be asked: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function show(what: string, text: string, lines: number): void {
  const last = text.trimEnd().split("\n").slice(-lines);
  // A console moves the cursor; a log must not.
  const shown = last.map((line) => `  ${line.replaceAll(/[^\x20-\x7e]/g, "")}`).join("\n");
  say(`--- ${what}\n${shown}`);
}
