import type { Context } from "../context.ts";
import { CliError } from "../errors.ts";

/**
 * Fails if a process under the cluster has died: nothing that is waited for would come.
 *
 * @throws CliError `infrastructure` with the names of the dead
 */
export async function requireMachinesRunning(context: Context): Promise<void> {
  const infrastructure = await context.dependencies.infrastructure(context.workspace);
  const dead = (await infrastructure.status(context.signal)).filter((process) => process.state === "crashed");
  const [first] = dead;
  if (first === undefined) return;
  const names = dead.map((process) => `"${process.name}"`).join(", ");
  const reason = first.detail === undefined ? "" : ` (${first.detail})`;
  throw new CliError("infrastructure", `Wait for machines failed: ${names} ended${reason}`, {
    hint: "run `constellation apply` again: it starts what has ended",
  });
}
