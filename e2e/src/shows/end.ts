import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { CONFIG_FILE, MASTER_SECRET_FILE } from "@constellation/config";
import { localStatus } from "@constellation/infrastructure-local";
import type { MiniCluster } from "../harness/mini-cluster.ts";
import { say } from "../harness/say.ts";
import { type SharedCluster, show } from "../harness/show.ts";

const ENDS = { ends: true };

/** Show 8: what is left after the end. */
export function showEnd(shared: SharedCluster): void {
  const title = "mini down leaves no process, and no file but configuration and master secret";
  show(title, shared, assertOnlyKeptFilesLeft, ENDS);
  show("mini down leaves nothing when told so", shared, assertNothingLeft, ENDS);
}

async function assertOnlyKeptFilesLeft(cluster: MiniCluster): Promise<void> {
  const status = await localStatus(cluster.workspace);
  assert.ok(status !== undefined);
  const processes = [status.netd, status.gateway, ...status.nodes.flatMap(({ machine, tpm }) => [machine, tpm])];
  const pids = processes.flatMap(({ pid }) => pid ?? []);
  assert.ok(pids.length >= 4, `got ${pids.length} processes before the end`);
  const { exitCode } = await cluster.cli("mini", "down", "--yes");
  assert.equal(exitCode, 0);
  assert.deepEqual(pids.filter(runs), []);
  assert.deepEqual(await processesOf(cluster.workspace), []);
  assert.deepEqual((await readdir(cluster.workspace)).toSorted(), [CONFIG_FILE, MASTER_SECRET_FILE].toSorted());
}

async function assertNothingLeft(cluster: MiniCluster): Promise<void> {
  const everything = ["--yes", "--delete-master-secret", "--delete-config"];
  const { exitCode } = await cluster.cli("mini", "down", ...everything);
  assert.equal(exitCode, 0);
  assert.equal(existsSync(cluster.workspace), false);
}

/** One that has ended and only waits for its parent to ask does not run. */
function runs(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

/** Command lines of processes that have to do with this workspace. */
async function processesOf(workspace: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (commandLine.includes(workspace)) found.push(commandLine.replaceAll("\0", " "));
  }
  if (found.length > 0) say(found.join("\n"));
  return found;
}
