import { spawn } from "node:child_process";
import { appendFile, writeFile } from "node:fs/promises";
import { BuildError, programError } from "./errors.ts";

/** How a program is run. */
export interface RunOptions {
  cwd?: string;
  /** Added to this process's environment. */
  env?: Record<string, string>;
  /** File that receives the output; its tail goes into the error. */
  logFile?: string;
  signal?: AbortSignal;
}

/**
 * Runs a program to its end and returns what it wrote to standard output.
 *
 * @throws BuildError `program_missing`, or `program_failed` or `no_space` with the last lines of its output
 */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  if (options.logFile !== undefined) await writeFile(options.logFile, "");
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const stdout: Buffer[] = [];
  const all: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => {
    stdout.push(chunk);
    all.push(chunk);
  });
  child.stderr.on("data", (chunk: Buffer) => all.push(chunk));
  const status = await new Promise<number | string>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  }).catch((cause: unknown) => {
    if (options.signal?.aborted === true) throw cause;
    throw new BuildError("program_missing", `Run '${program}' failed: it can't be started`, {
      cause,
      hint: `install '${program}' ('make install' installs what a build needs)`,
    });
  });
  const output = Buffer.concat(all).toString();
  if (options.logFile !== undefined) await appendFile(options.logFile, output);
  if (status !== 0) {
    throw programError(`Run '${program} ${args.join(" ")}' failed: exit ${status}, wanted 0`, output);
  }
  return Buffer.concat(stdout).toString();
}
