import type { State } from "@constellation/config";
import type { Context } from "../context.ts";
import { CliError } from "../errors.ts";
import { leavingWorkers } from "./removal.ts";

/**
 * Fails if a process under the cluster has died: nothing that is waited for would come. A machine that is not wanted any
 * more may be dead; perhaps it is removed for that. Of those, workers are in the state as leaving, control planes not at
 * all.
 *
 * @throws CliError `infrastructure` with the names of the dead
 */
export async function requireMachinesRunning(context: Context, state: State): Promise<void> {
  const infrastructure = await context.dependencies.infrastructure(context.workspace);
  const leaving = new Set(leavingWorkers(state).map(({ name }) => name));
  const recorded = new Set((state.infrastructure.qemu?.nodes ?? []).map(({ name }) => name));
  const isSurplus = (process: string) => {
    const [node = "", part] = process.split("/");
    return part !== undefined && (leaving.has(node) || !recorded.has(node));
  };
  const dead = (await infrastructure.status(context.signal)).filter(
    ({ state, name }) => state === "crashed" && !isSurplus(name),
  );
  const [first] = dead;
  if (first === undefined) return;
  const names = dead.map((process) => `"${process.name}"`).join(", ");
  const reason = first.detail === undefined ? "" : ` (${first.detail})`;
  throw new CliError("infrastructure", `Wait for machines failed: ${names} ended${reason}`, {
    hint: "run `constellation apply` again: it starts what has ended",
  });
}
