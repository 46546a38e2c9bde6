import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Reply, Request, Setting } from "./messages.ts";

/** A worker that can be asked again and again, and killed. */
export class Session {
  readonly #child: ChildProcess;

  constructor(setting: Setting) {
    const script = join(import.meta.dirname, "worker.ts");
    this.#child = fork(script, [JSON.stringify(setting)], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  }

  /**
   * Gives undefined where no answer came in time, or a signal ended the worker, as too little memory does. Rejects where
   * the worker failed on its own.
   */
  async ask(request: Request, timeoutMs: number): Promise<Reply | undefined> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        child.off("message", onMessage).off("exit", onExit);
        finish();
      };
      const onMessage = (reply: Reply): void => settle(() => resolve(reply));
      const onExit = (code: number | null): void => {
        const failure = new Error(`Run worker failed: got exit status "${code}", wanted an answer`);
        settle(() => (code === null ? resolve(undefined) : reject(failure)));
      };
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        settle(() => resolve(undefined));
      }, timeoutMs);
      child.on("message", onMessage).on("exit", onExit);
      child.send(request);
    });
  }

  close(): void {
    this.#child.kill("SIGKILL");
  }
}
