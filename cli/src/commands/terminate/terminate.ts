import { CONFIG_FILE, MASTER_SECRET_FILE, STATE_FILE } from "@constellation/config";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { confirm } from "../../terminal/prompt.ts";
import { ADMIN_CONF_FILE, CLUSTER_LOG_FILE, LOCAL_FOLDER } from "../../workspace/workspace.ts";

/** Options of `terminate`. */
export interface TerminateOptions {
  readonly yes: boolean;
  readonly deleteMasterSecret: boolean;
  /** Whether the configuration goes, too: `ask` keeps it with --yes. */
  readonly deleteConfig: "keep" | "ask" | "delete";
}

/** Ends the cluster of a workspace. Cut off anywhere, it can be run again to the same end. */
export async function terminate(context: Context, options: TerminateOptions): Promise<void> {
  const { io, workspace, progress, signal } = context;
  if (![STATE_FILE, ADMIN_CONF_FILE, LOCAL_FOLDER].some((name) => workspace.has(name))) {
    io.err(`There is no cluster in ${workspace.show(".")}.\n`);
    await deleteKept(context, options);
    return;
  }
  if (!options.yes) {
    io.err(
      "You are about to terminate a Constellation cluster.\nAll its machines and all data on them will be lost.\n",
    );
    if (!(await confirm(io, "Do you want to terminate the cluster?", signal))) {
      throw new CliError("declined", "Terminate failed: you have declined it; nothing was changed");
    }
  }
  await workspace.exclusively(async () => {
    const infrastructure = await context.dependencies.infrastructure(workspace);
    await progress.step("Terminate machines", () =>
      infrastructure.terminate({ signal, onStep: (text) => void progress.begin(text) }),
    );
    // The state last: as long as it is there, a command that was cut off can be run again.
    await workspace.remove(LOCAL_FOLDER, ADMIN_CONF_FILE, CLUSTER_LOG_FILE, STATE_FILE);
  });
  io.err("Your Constellation cluster was terminated.\n");
  await deleteKept(context, options);
}

async function deleteKept(context: Context, options: TerminateOptions): Promise<void> {
  const { workspace, io } = context;
  const what: [string, string, boolean, boolean][] = [
    [MASTER_SECRET_FILE, "the master secret", options.deleteMasterSecret, true],
    [CONFIG_FILE, "the configuration", options.deleteConfig === "delete", options.deleteConfig !== "keep"],
  ];
  for (const [file, noun, told, asks] of what) {
    if (!workspace.has(file)) continue;
    const question = `Do you want to delete ${noun} (${workspace.show(file)}), too?`;
    const asked = asks && !options.yes && io.inIsTerminal;
    if (told || (asked && (await confirm(io, question, context.signal)))) await workspace.remove(file);
    else io.err(`Kept ${workspace.show(file)}.\n`);
  }
}
