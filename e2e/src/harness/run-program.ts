import { spawn } from "node:child_process";
import { HarnessError } from "./error.ts";
import { say } from "./say.ts";

/** How a program is run. */
export interface ProgramOptions {
  readonly timeoutMs: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Given on standard input, which is empty otherwise. */
  readonly stdin?: string;
  /** Whether standard error goes to the test's log line by line. */
  readonly echo?: boolean;
  /** Interrupts the program as Ctrl-C does. */
  readonly signal?: AbortSignal | undefined;
}

/** What came of it. */
export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end; any exit code is a result.
 * @throws HarnessError `program_failed` when it can't be started, `timeout` when it does not end
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  { timeoutMs, env = {}, stdin = "", echo = false, signal }: ProgramOptions,
): Promise<ProgramResult> {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: "pipe" });
  const kill = (): boolean => child.kill("SIGKILL");
  process.once("exit", kill);
  const interrupt = (): boolean => child.kill("SIGINT");
  signal?.addEventListener("abort", interrupt, { once: true });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGTERM");
  }, timeoutMs);
  try {
    const stdout: Buffer[] = [];
    const stderr = new Lines(echo);
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on("error", () => undefined); // a program that does not read its input may end before it was written
    child.stdin.end(stdin);
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve(code ?? -1));
    });
    if (!timedOut) return { exitCode, stdout: Buffer.concat(stdout).toString("utf8"), stderr: stderr.text() };
    throw new HarnessError("timeout", `Run ${commandLine(program, args)} failed: no end in time\n${stderr.text()}`);
  } catch (cause) {
    if (cause instanceof HarnessError) throw cause;
    throw new HarnessError("program_failed", `Run ${commandLine(program, args)} failed: it can't be started`, {
      cause,
    });
  } finally {
    clearTimeout(timer);
    process.off("exit", kill);
    signal?.removeEventListener("abort", interrupt);
  }
}

/**
 * Runs a program that must succeed, and gives its standard output.
 * @throws HarnessError `program_failed`, `timeout`
 */
export async function mustRun(program: string, args: readonly string[], options: ProgramOptions): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(program, args, options);
  if (exitCode === 0) return stdout;
  throw new HarnessError(
    "program_failed",
    `Run ${commandLine(program, args)} failed: exit ${exitCode}, wanted 0\n${stderr.slice(-4_000)}`,
  );
}

function commandLine(program: string, args: readonly string[]): string {
  return `'${[program.slice(program.lastIndexOf("/") + 1), ...args].join(" ")}'`;
}

/** Output that is kept and, if wanted, said line by line. */
class Lines {
  readonly #echo: boolean;
  readonly #chunks: Buffer[] = [];
  #rest = "";

  constructor(echo: boolean) {
    this.#echo = echo;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    if (!this.#echo) return;
    const lines = (this.#rest + chunk.toString("utf8")).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) say(`| ${line}`);
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}
