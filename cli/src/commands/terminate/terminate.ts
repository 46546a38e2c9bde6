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

/** What `terminate` did. */
export interface TerminateResult {
  /** How many processes it ended. */
  readonly endedProcesses: number;
  /** Files and folders of the workspace that it deleted, and those of the user that it kept. */
  readonly deleted: readonly string[];
  readonly kept: readonly string[];
}

/** Files that belong to the cluster itself. The state is last: while it is there, what was cut off can be run again. */
const CLUSTER_FILES = [LOCAL_FOLDER, ADMIN_CONF_FILE, CLUSTER_LOG_FILE, STATE_FILE];

/**
 * Ends the cluster of a workspace. Cut off anywhere, it can be run again to the same end. It needs none of the
 * workspace's files: the infrastructure finds its processes by their mark.
 */
export async function terminate(context: Context, options: TerminateOptions): Promise<TerminateResult> {
  const { io, workspace, progress, signal } = context;
  const infrastructure = await context.dependencies.infrastructure(workspace);
  const files = CLUSTER_FILES.filter((name) => workspace.has(name));
  const processes = await infrastructure.countProcesses(signal);
  if (processes === 0 && files.every((name) => name === CLUSTER_LOG_FILE)) {
    io.err(`There is no cluster in ${workspace.show(".")}.\n`);
    return { endedProcesses: 0, ...(await deleteKept(context, options)) };
  }
  if (processes > 0 && !workspace.has(LOCAL_FOLDER)) {
    const found = `${plural(processes, "process")} of this workspace still ${processes === 1 ? "runs" : "run"}`;
    io.err(`${workspace.show(LOCAL_FOLDER)} is gone, but ${found}.\n`);
  }
  if (!options.yes) {
    io.err(
      "You are about to terminate a Constellation cluster.\nAll its machines and all data on them will be lost.\n",
    );
    if (!(await confirm(io, "Do you want to terminate the cluster?", signal))) {
      throw new CliError("declined", "Terminate failed: you have declined it; nothing was changed");
    }
  }
  const isNew = await workspace.create();
  const { endedProcesses } = await workspace.exclusively(async () => {
    const done = await progress.step("Terminate machines", () =>
      infrastructure.terminate({ signal, onStep: (text) => void progress.begin(text) }),
    );
    await workspace.remove(...CLUSTER_FILES);
    return done;
  });
  if (isNew) await workspace.removeIfEmpty();
  const ended = endedProcesses === 0 ? "No process of it ran any more" : `Ended ${plural(endedProcesses, "process")}`;
  const deleted =
    files.length === 0 ? "no file of it was left" : `deleted ${files.map((f) => workspace.show(f)).join(", ")}`;
  io.err(`${ended}; ${deleted}.\nYour Constellation cluster was terminated.\n`);
  const rest = await deleteKept(context, options);
  return { endedProcesses, kept: rest.kept, deleted: [...files, ...rest.deleted] };
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "es"}`;
}

async function deleteKept(
  context: Context,
  options: TerminateOptions,
): Promise<Pick<TerminateResult, "deleted" | "kept">> {
  const { workspace, io } = context;
  const [deleted, kept]: [string[], string[]] = [[], []];
  const what: [string, string, boolean, boolean][] = [
    [MASTER_SECRET_FILE, "the master secret", options.deleteMasterSecret, true],
    [CONFIG_FILE, "the configuration", options.deleteConfig === "delete", options.deleteConfig !== "keep"],
  ];
  for (const [file, noun, told, asks] of what) {
    if (!workspace.has(file)) continue;
    const question = `Do you want to delete ${noun} (${workspace.show(file)}), too?`;
    const asked = asks && !options.yes && io.inIsTerminal;
    if (told || (asked && (await confirm(io, question, context.signal)))) {
      await workspace.remove(file);
      deleted.push(file);
    } else {
      io.err(`Kept ${workspace.show(file)}.\n`);
      kept.push(file);
    }
  }
  return { deleted, kept };
}
