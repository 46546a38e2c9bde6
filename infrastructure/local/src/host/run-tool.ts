import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { programError } from "./no-space.ts";
import { toolCommand } from "../tools-tree.ts";

const run = promisify(execFile);

/** Runs a tool to its end and gives what it printed. @throws LocalError "control-failed" | "no-space" with its complaint */
export async function runTool(name: string, args: string[], signal?: AbortSignal): Promise<string> {
  const command = toolCommand(name);
  try {
    const { stdout } = await run(command.program, [...command.args, ...args], {
      maxBuffer: 16 * 1024 * 1024,
      ...(signal === undefined ? {} : { signal }),
    });
    return stdout;
  } catch (cause) {
    const complaint = cause instanceof Error && "stderr" in cause ? String(cause.stderr).trim() : "";
    throw programError("control-failed", `Run "${name}" failed: ${complaint.slice(-500)}`, { cause });
  }
}
