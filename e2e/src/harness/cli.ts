import { join } from "node:path";
import { CHECKOUT } from "./programs.ts";
import { type ProgramResult, runProgram } from "./run-program.ts";
import { say } from "./say.ts";

/** Runs the command line as a user does, in a process of its own; any exit code is a result. */
export async function cli(args: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<ProgramResult> {
  say(`constellation ${args.join(" ")}`);
  const env = { CONSTELL_NO_SPINNER: "1" };
  return await runProgram(join(CHECKOUT, "constellation"), args, { timeoutMs, env, echo: true, signal });
}
