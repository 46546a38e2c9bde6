import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, openSync, unlinkSync, writeSync } from "node:fs";
import type { Secret } from "@constellation/keys";

/** One child process. Secrets go in through `stdin` only, never through `args` or `env` (T6). */
export interface Command {
  program: string;
  args: readonly string[];
  /** Bytes for standard input; a Secret is revealed only to the pipe. */
  stdin?: Uint8Array | Secret;
  /** A second secret input, readable in the child as /proc/self/fd/3. */
  extraInput?: Secret;
  /** Added to the own environment. */
  env?: Readonly<Record<string, string>>;
  /** Exit codes that are answers and not failures; 0 is always one. */
  acceptedExitCodes?: readonly number[];
  timeoutMs?: number;
  /** Called with each piece of output as it comes, for progress and logs. */
  onOutput?: (text: string) => void;
}

export interface Output {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Runs child processes; the one way in which agent and services do it, so that tests can put a fake in its place. */
export type Exec = (command: Command, signal: AbortSignal) => Promise<Output>;

export type ExecErrorCode = "not_started" | "exit" | "killed" | "timeout" | "aborted";

/** A child process that failed. Holds the program, its arguments and the end of its standard error; never its input. */
export class ExecError extends Error {
  readonly code: ExecErrorCode;
  readonly exitCode: number | undefined;
  readonly stderrTail: string;

  constructor(
    code: ExecErrorCode,
    message: string,
    options: ErrorOptions & { exitCode?: number; stderrTail?: string } = {},
  ) {
    super(message, options);
    this.name = "ExecError";
    this.code = code;
    this.exitCode = options.exitCode;
    this.stderrTail = options.stderrTail ?? "";
  }
}

const DEFAULT_TIMEOUT_MS = 10 * 60_000;
const OUTPUT_LIMIT_CHARS = 4 * 1024 * 1024;
const TAIL_CHARS = 2000;
const KILL_GRACE_MS = 5000;

/**
 * Runs a program to its end.
 * @throws ExecError `not_started`, `exit`, `killed`, `timeout`, `aborted`
 */
export const exec: Exec = async (command, signal) => {
  const what = `Run ${command.program} ${firstWords(command.args)}failed`;
  if (signal.aborted) throw new ExecError("aborted", `${what}: aborted before it started`);
  const extra = command.extraInput === undefined ? undefined : openExtraInput(command.extraInput);
  const child = spawn(command.program, command.args, {
    stdio: ["pipe", "pipe", "pipe", ...(extra === undefined ? [] : [extra])],
    env: command.env === undefined ? process.env : { ...process.env, ...command.env },
  });
  if (extra !== undefined) closeSync(extra);
  let stdout = "";
  let stderr = "";
  let stopReason: "timeout" | "aborted" | undefined;
  // stdio is a union of arrays to the compiler, so it can't tell that these three are pipes.
  const { stdin, stdout: outputPipe, stderr: errorPipe } = child as ChildProcessWithoutNullStreams;
  outputPipe.setEncoding("utf8").on("data", (text: string) => {
    if (stdout.length < OUTPUT_LIMIT_CHARS) stdout += text;
    command.onOutput?.(text);
  });
  errorPipe.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-OUTPUT_LIMIT_CHARS);
    command.onOutput?.(text);
  });
  // A program that ends without reading its input closes the pipe; its exit code tells the story.
  stdin.on("error", () => {});
  stdin.end(inputBytes(command.stdin));

  const stop = (reason: "timeout" | "aborted"): void => {
    stopReason ??= reason;
    child.kill("SIGTERM");
    setTimeout(() => child.kill("SIGKILL"), KILL_GRACE_MS).unref();
  };
  const onAbort = (): void => stop("aborted");
  signal.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => stop("timeout"), command.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  try {
    const [exitCode, signalName] = await ended(child, what);
    const stderrTail = stderr.slice(-TAIL_CHARS).trim();
    if (stopReason !== undefined) {
      throw new ExecError(stopReason, `${what}: got "${stopReason}", wanted an end`, { stderrTail });
    }
    if (exitCode === null) {
      throw new ExecError("killed", `${what}: got signal "${signalName}", wanted exit code "0"`, { stderrTail });
    }
    if (exitCode !== 0 && !(command.acceptedExitCodes ?? []).includes(exitCode)) {
      const message = `${what}: got exit code "${exitCode}", wanted "0"${stderrTail === "" ? "" : `: ${stderrTail}`}`;
      throw new ExecError("exit", message, { exitCode, stderrTail });
    }
    return { exitCode, stdout, stderr };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
};

function ended(child: ReturnType<typeof spawn>, what: string): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => reject(new ExecError("not_started", `${what}: program did not start`, { cause })));
    child.once("close", (exitCode, signalName) => resolve([exitCode, signalName]));
  });
}

/**
 * A file without a name, in memory: programs that open their input by path can't take one of Node's pipes, which are
 * sockets.
 */
function openExtraInput(secret: Secret): number {
  const path = `/dev/shm/constellation-${randomUUID()}`;
  const file = openSync(path, "wx+", 0o600);
  unlinkSync(path);
  writeSync(file, secret.reveal(), 0, secret.lengthBytes, 0);
  return file;
}

function inputBytes(stdin: Command["stdin"]): Uint8Array {
  if (stdin === undefined) return new Uint8Array();
  return stdin instanceof Uint8Array ? stdin : stdin.reveal();
}

function firstWords(args: readonly string[]): string {
  const words = args.slice(0, 3).join(" ");
  return words === "" ? "" : `${words.slice(0, 80)} `;
}
