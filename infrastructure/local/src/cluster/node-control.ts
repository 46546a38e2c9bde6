import { QmpClient } from "../qmp.ts";
import type { LocalContext } from "./context.ts";
import { startMachine, stopMachine } from "./nodes.ts";
import { changeCluster, openCluster } from "./open-cluster.ts";
import { nodePaths } from "./paths.ts";

/** Resets a node's machine by force, as its reset button would. The processes stay. */
export async function resetNode(workspace: string, name: string): Promise<void> {
  const { file, paths } = await openCluster(workspace);
  file.node(name);
  await QmpClient.with(nodePaths(paths.root, file.state.runFolder, name).qmpSocket, (qmp) =>
    qmp.execute("system_reset"),
  );
}

/** Ends a node's machine by force, as if its power failed; it stays off until {@link startNode}. */
export async function stopNode(workspace: string, name: string): Promise<void> {
  await changeCluster(workspace, async (file) => {
    const node = file.node(name);
    node.wanted = "stopped";
    await file.save();
    await stopMachine(file, node);
    await file.save();
  });
}

/** Starts a node's machine that is off. */
export async function startNode(workspace: string, name: string, context?: Partial<LocalContext>): Promise<void> {
  await changeCluster(workspace, async (file, paths) => {
    const node = file.node(name);
    node.wanted = "running";
    await file.save();
    await startMachine(file, paths, node, { ...context, workspaceDir: workspace });
  });
}
