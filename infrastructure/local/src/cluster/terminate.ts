import { access, rm } from "node:fs/promises";
import { endProcess, findByTagPrefix } from "../host/process-identity.ts";
import { withLock } from "../host/workspace-lock.ts";
import { endRecorded, stopMachine } from "./nodes.ts";
import { chooseRunFolder, type WorkspacePaths, workspacePaths } from "./paths.ts";
import { loadState, StateFile } from "./state.ts";
import { processTag } from "./tags.ts";

/**
 * Ends exactly the processes of the workspace's local cluster and removes its files and sockets; nothing to do is fine.
 * Cut off at any moment it can be called again to the same end.
 */
export async function terminateLocal(workspace: string, options: { signal?: AbortSignal } = {}): Promise<void> {
  const paths = workspacePaths(workspace);
  const runFolder = await chooseRunFolder(workspace);
  if (await exists(paths.root)) {
    await withLock(paths.lock, () => terminateLocked(runFolder, paths, options.signal));
  } else {
    await sweep(runFolder);
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** Ends what the state file does not tell of: somebody removed it while the cluster ran. */
async function sweep(runFolder: string): Promise<void> {
  for (const identity of findByTagPrefix(processTag(runFolder, ""))) await endProcess(identity);
  await rm(runFolder, { recursive: true, force: true });
}

async function terminateLocked(
  chosenRunFolder: string,
  paths: WorkspacePaths,
  signal: AbortSignal | undefined,
): Promise<void> {
  const state = await loadState(paths.state);
  if (state !== undefined) {
    const file = new StateFile(paths.state, state);
    state.phase = "terminating";
    await file.save();
    await endProcesses(file, signal);
  }
  for (const runFolder of new Set([state?.runFolder ?? chosenRunFolder, chosenRunFolder])) await sweep(runFolder);
  await rm(paths.root, { recursive: true, force: true });
}

async function endProcesses(file: StateFile, signal: AbortSignal | undefined): Promise<void> {
  const { state } = file;
  for (const node of state.nodes) {
    signal?.throwIfAborted();
    await stopMachine(file, node);
    await file.save();
  }
  await endRecorded(state.gateway, processTag(state.runFolder, "gateway"));
  await endRecorded(state.netd, processTag(state.runFolder, "netd"));
}
