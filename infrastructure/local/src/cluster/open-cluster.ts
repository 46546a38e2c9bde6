import { LocalError } from "../errors.ts";
import { withLock } from "../host/workspace-lock.ts";
import { type WorkspacePaths, workspacePaths } from "./paths.ts";
import { loadState, StateFile } from "./state.ts";

/**
 * The state of the workspace's cluster, to look at.
 * @throws LocalError "cluster-missing"
 */
export async function openCluster(workspace: string): Promise<{ file: StateFile; paths: WorkspacePaths }> {
  const paths = workspacePaths(workspace);
  const state = await loadState(paths.state);
  if (state !== undefined) return { file: new StateFile(paths.state, state), paths };
  throw new LocalError("cluster-missing", `Open local cluster failed: there is none in "${workspace}"`, {
    hint: "create one with 'constellation apply'",
  });
}

/** Runs `work` on the workspace's cluster while nobody else changes it. */
export async function changeCluster<T>(
  workspace: string,
  work: (file: StateFile, paths: WorkspacePaths) => Promise<T>,
): Promise<T> {
  const { paths } = await openCluster(workspace);
  return await withLock(paths.lock, async () => {
    const { file } = await openCluster(workspace);
    return await work(file, paths);
  });
}
