import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const STOP_TIMEOUT_MS = 10_000;
const SHOWN_LOG_CHARS = 2_000;
const NANOSECONDS_PER_MS = 1e6;

/** A real program that a test runs beside itself; its output goes to a file. It ends with the test's process. */
export class Program {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #logFile: string;
  readonly #killAtExit = (): void => {
    this.#child.kill("SIGKILL");
  };

  constructor(name: string, program: string, args: readonly string[], logFile: string) {
    const log = openSync(logFile, "w", 0o600);
    this.#name = name;
    this.#logFile = logFile;
    this.#child = spawn(program, args, { stdio: ["ignore", log, log] });
    closeSync(log);
    process.once("exit", this.#killAtExit);
    this.#child.once("exit", () => process.off("exit", this.#killAtExit));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Waits until `check` no longer throws; fails when the program ends first, or at the bound, with its last words. */
  async ready<T>(check: () => Promise<T>, timeoutMs: number): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    for (let waitMs = 100; ; waitMs = Math.min(waitMs * 1.5, 1_000)) {
      try {
        return await check();
      } catch (cause) {
        if (!this.running || performance.now() > deadline) throw await this.#failure(cause);
      }
      await delay(waitMs);
    }
  }

  /** What the program has written so far. */
  output(): Promise<string> {
    return readFile(this.#logFile, "utf8");
  }

  /** Processor time that it has used so far, all threads. */
  async cpuMs(): Promise<number> {
    const tasks = `/proc/${this.pid}/task`;
    const threads = await readdir(tasks);
    const times = await Promise.all(threads.map((thread) => readFile(`${tasks}/${thread}/schedstat`, "utf8")));
    return times.reduce((sum, text) => sum + Number(text.split(" ")[0]), 0) / NANOSECONDS_PER_MS;
  }

  /** Ends the program by SIGTERM, waits for its end, and gives its exit code: null when it did not end in time. */
  async stop(): Promise<number | null> {
    if (!this.running) return this.#child.exitCode;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
    return this.#child.exitCode;
  }

  async #failure(cause: unknown): Promise<Error> {
    const words = (await this.output()).slice(-SHOWN_LOG_CHARS);
    const state = this.running ? "no readiness in time" : `an end with code "${this.#child.exitCode}"`;
    return new Error(`Start ${this.#name} failed: got ${state}; last output:\n${words}`, { cause });
  }
}

/** TCP ports of 127.0.0.1 that nobody listens on right now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
