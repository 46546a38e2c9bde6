import { rm, stat } from "node:fs/promises";
import { LocalError, systemErrorCode } from "../errors.ts";
import { endProcess, findByTagPrefix, type ProcessIdentity } from "../host/process-identity.ts";
import { withLock } from "../host/workspace-lock.ts";
import { endRecorded, stopMachine } from "./nodes.ts";
import { chooseRunFolder, folderIdentity, isRunFolder, type WorkspacePaths, workspacePaths } from "./paths.ts";
import { type LocalState, loadState, StateFile } from "./state.ts";
import { processTag } from "./tags.ts";

/** What was done to end a cluster. */
export interface Termination {
  /** How many processes ran when it began; none does any more. */
  endedProcesses: number;
}

/**
 * Ends exactly the processes of the workspace's local cluster and removes its files and sockets; nothing to do is fine.
 * Cut off at any moment it can be called again to the same end. Processes are found by their mark, too, so that files
 * which somebody deleted or damaged are not needed. In a copied workspace nothing of the original's ends.
 */
export async function terminateLocal(workspace: string, options: { signal?: AbortSignal } = {}): Promise<Termination> {
  const paths = workspacePaths(workspace);
  const runFolder = await chooseRunFolder(workspace);
  if (await isFolder(paths.root)) {
    return await withLock(paths.lock, () => terminateLocked(runFolder, paths, options.signal));
  }
  const endedProcesses = marked([runFolder]).length;
  await sweep(runFolder);
  return { endedProcesses };
}

/** How many processes of the workspace's local cluster run, whatever files of it are left. */
export async function countProcesses(workspace: string): Promise<number> {
  const chosen = await chooseRunFolder(workspace);
  const state = await ownState(workspacePaths(workspace), chosen);
  return marked(runFolders(state, chosen)).length;
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** The recorded run folder is another than the chosen one where the workspace was moved. */
function runFolders(state: LocalState | undefined, chosen: string): string[] {
  return [...new Set([state?.runFolder ?? chosen, chosen])];
}

function marked(folders: readonly string[]): ProcessIdentity[] {
  return folders.flatMap((folder) => findByTagPrefix(processTag(folder, "")));
}

/** Ends what the state file does not tell of: somebody removed it while the cluster ran. */
async function sweep(runFolder: string): Promise<void> {
  for (const identity of marked([runFolder])) await endProcess(identity);
  await rm(runFolder, { recursive: true, force: true });
}

async function terminateLocked(
  chosenRunFolder: string,
  paths: WorkspacePaths,
  signal: AbortSignal | undefined,
): Promise<Termination> {
  const state = await ownState(paths, chosenRunFolder);
  const folders = runFolders(state, chosenRunFolder);
  const endedProcesses = marked(folders).length;
  if (state !== undefined) {
    const file = new StateFile(paths.state, state);
    state.phase = "terminating";
    await file.save();
    await endProcesses(file, signal);
  }
  for (const runFolder of folders) await sweep(runFolder);
  await rm(paths.root, { recursive: true, force: true });
  return { endedProcesses };
}

/**
 * The state, unless what it tells of may be another workspace's: it has the run folder of this path, or one of the right
 * form and was made in this very folder, which was moved since. A copy's run folder and processes are the original's.
 */
async function ownState(paths: WorkspacePaths, chosenRunFolder: string): Promise<LocalState | undefined> {
  const state = await readableState(paths);
  if (state === undefined || state.runFolder === chosenRunFolder) return state;
  if (!isRunFolder(state.runFolder) || state.root === undefined) return undefined;
  const { device, inode } = await folderIdentity(paths.root);
  return state.root.device === device && state.root.inode === inode ? state : undefined;
}

/** The state; undefined where there is none, or none that can be read: it only would tell of processes sooner. */
async function readableState(paths: WorkspacePaths): Promise<LocalState | undefined> {
  try {
    return await loadState(paths.state);
  } catch (error) {
    const code = error instanceof LocalError ? error.code : systemErrorCode(error);
    if (["state-corrupt", "EISDIR", "ENOTDIR"].includes(code ?? "")) return undefined;
    throw error;
  }
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
