import { createInterface, type Interface } from "node:readline";
import type { Io } from "./io.ts";

/** Standard streams of this process. */
export function processIo(): Io {
  let lines: AsyncIterator<string> | undefined;
  let reader: Interface | undefined;
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    errIsTerminal: process.stderr.isTTY,
    inIsTerminal: process.stdin.isTTY,
    async readLine(signal) {
      reader ??= createInterface({ input: process.stdin, terminal: false });
      lines ??= reader[Symbol.asyncIterator]();
      process.stdin.ref();
      try {
        const next = await abortable(lines.next(), signal);
        return next.done === true ? undefined : next.value;
      } finally {
        process.stdin.unref();
      }
    },
  };
}

function abortable<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
