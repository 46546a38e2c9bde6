import type { Tpm } from "@constellation/tpm2";
import { LocalError } from "../errors.ts";
import { QmpClient } from "../qmp.ts";
import { withPoweredTpm } from "../tpm/create-tpm.ts";
import type { LocalContext } from "./context.ts";
import { machineRuns, startMachine, stopMachine } from "./nodes.ts";
import { changeCluster, openCluster } from "./open-cluster.ts";
import { nodePaths } from "./paths.ts";
import { processTag } from "./tags.ts";

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

/**
 * Powers the TPM of a node on whose machine is off, and runs `work` with it. Whoever owns the computer can do that: it
 * is the limit of what a virtual TPM proves, and the tests show what such a caller still does not get.
 * @throws LocalError "node-running"
 */
export async function withNodeTpm<T>(workspace: string, name: string, work: (tpm: Tpm) => Promise<T>): Promise<T> {
  return await changeCluster(workspace, async (file, paths) => {
    if (machineRuns(file, file.node(name))) {
      throw new LocalError("node-running", `Use TPM of "${name}" failed: got a machine that runs, wanted it stopped`);
    }
    const { runFolder } = file.state;
    const { swtpm } = nodePaths(paths.root, runFolder, name);
    return await withPoweredTpm(swtpm, processTag(runFolder, `swtpm/${name}`), work);
  });
}
