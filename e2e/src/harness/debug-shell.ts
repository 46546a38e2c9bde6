import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { debugSocket } from "@constellation/infrastructure-local";
import { HarnessError } from "./error.ts";
import { minutes, waitUntil } from "./wait.ts";

const ANSWER_MS = 30_000;
/** What is sent before the shell is there gets no answer. */
const PROBE_MS = 5_000;
const BOOT_MS = minutes(10);

/** The root shell that a debug image has on its second serial port; it serves one caller at a time. */
export class DebugShell {
  readonly #workspace: string;
  readonly #node: string;

  constructor(workspace: string, node: string) {
    this.#workspace = workspace;
    this.#node = node;
  }

  /** What a command prints. @throws HarnessError `timeout` when the shell is not there or the command does not end */
  async run(command: string, timeoutMs: number = ANSWER_MS): Promise<string> {
    const mark = randomBytes(6).toString("hex");
    const socket = connect(await debugSocket(this.#workspace, this.#node));
    const late = new HarnessError("timeout", `Run "${command}" on ${this.#node} failed: no answer of its debug shell`);
    const timer = setTimeout(() => socket.destroy(late), timeoutMs);
    try {
      // The terminal echoes what it is sent: the marks are whole only in the output, which begins when all is read.
      socket.write(`\n{ echo BEGIN''${mark}; ${command}\n}; echo END''${mark}\n`);
      let text = "";
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        text += chunk.toString("latin1").replaceAll("\r", "");
        const answer = new RegExp(`BEGIN${mark}\\n([^]*?)END${mark}`).exec(text)?.[1];
        if (answer !== undefined) return answer;
      }
      throw late;
    } finally {
      clearTimeout(timer);
      socket.destroy();
    }
  }

  /** The boot that the machine is in, other than the one before, as soon as its shell answers. */
  async bootAfter(before: string | undefined): Promise<string> {
    const what = `the debug shell of ${this.#node}${before === undefined ? "" : " after another boot"}`;
    return await waitUntil({ what, timeoutMs: BOOT_MS }, async () => {
      const bootId = (await this.run("cat /proc/sys/kernel/random/boot_id", PROBE_MS)).trim();
      return bootId === "" || bootId === before ? undefined : bootId;
    });
  }
}
