import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Io } from "./io.ts";

/** Standard streams. What stdin is (terminal, pipe, file) decides whether it can be referenced. */
export interface StandardStreams {
  readonly stdin: Readable & { readonly isTTY?: boolean; ref?(): unknown; unref?(): unknown };
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

/** Standard streams of this process, or others. */
export function processIo({ stdin, stdout, stderr }: StandardStreams = process): Io {
  let lines: AsyncIterator<string> | undefined;
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    errIsTerminal: stderr.isTTY === true,
    inIsTerminal: stdin.isTTY === true,
    async readLine(signal) {
      lines ??= linesOf(stdin);
      // A terminal or pipe keeps the process alive only while an answer is waited for. Files have no references.
      stdin.ref?.();
      try {
        const next = await abortable(lines.next(), signal);
        return next.done === true ? undefined : next.value;
      } finally {
        stdin.unref?.();
      }
    },
  };
}

/** Lines of the input. One that can't be read, as a folder or a terminal of another session, has none. */
async function* linesOf(input: Readable): AsyncGenerator<string, undefined> {
  try {
    yield* createInterface({ input, terminal: false });
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== "string") throw error;
  }
}

function abortable<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
