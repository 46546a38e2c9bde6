import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Reply, Request, Setting } from "./messages.ts";

const LOOK_EVERY_MS = 500;
/** Looks without any progress after which nothing is to be expected. */
const MOST_IDLE_LOOKS = 240;
/** Linux has a hundred in a second. */
const MS_PER_TICK = 10;

/** A worker that can be asked again and again, and killed. */
export class Session {
  readonly #child: ChildProcess;

  constructor(setting: Setting) {
    const script = join(import.meta.dirname, "worker.ts");
    this.#child = fork(script, [JSON.stringify(setting)], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  }

  /**
   * Gives undefined where the worker used up its time of the processor, did nothing for two minutes, or was ended by a
   * signal, as it is for want of memory. Rejects where the worker failed on its own.
   */
  async ask(request: Request, mostCpuMs: number): Promise<Reply | undefined> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        clearInterval(timer);
        child.off("message", onMessage).off("exit", onExit);
        finish();
      };
      const onMessage = (reply: Reply): void => settle(() => resolve(reply));
      const onExit = (code: number | null): void => {
        const failure = new Error(`Run worker failed: got exit status "${code}", wanted an answer`);
        settle(() => (code === null ? resolve(undefined) : reject(failure)));
      };
      const isOver = this.#watch(mostCpuMs);
      const timer = setInterval(() => {
        if (isOver()) child.kill("SIGKILL");
      }, LOOK_EVERY_MS);
      child.on("message", onMessage).on("exit", onExit);
      child.send(request);
    });
  }

  close(): void {
    this.#child.kill("SIGKILL");
  }

  /** Whether the worker has had its time. Not by the clock: a busy machine may leave it next to nothing. */
  #watch(mostCpuMs: number): () => boolean {
    const startedMs = this.#look()?.cpuMs ?? 0;
    let lastMs = startedMs;
    let idleLooks = 0;
    return () => {
      const { cpuMs, isStopped } = this.#look() ?? { cpuMs: lastMs, isStopped: false };
      // One that somebody stopped is to go on when it is let.
      if (!isStopped) idleLooks = cpuMs > lastMs ? 0 : idleLooks + 1;
      lastMs = cpuMs;
      return cpuMs - startedMs > mostCpuMs || idleLooks > MOST_IDLE_LOOKS;
    };
  }

  /** Undefined once it has ended (proc(5), /proc/pid/stat: state, utime and stime). */
  #look(): { readonly cpuMs: number; readonly isStopped: boolean } | undefined {
    try {
      const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const [utime, stime] = fields.slice(11, 13).map(Number) as [number, number];
      return { cpuMs: (utime + stime) * MS_PER_TICK, isStopped: fields[0] === "T" };
    } catch {
      return undefined;
    }
  }
}
