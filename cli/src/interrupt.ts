import { CliError } from "./errors.ts";
import { EXIT } from "./exit-codes.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** The part of `process` that signals come from. */
export interface SignalSource {
  on(event: (typeof SIGNALS)[number], listener: () => void): unknown;
  off(event: (typeof SIGNALS)[number], listener: () => void): unknown;
  exit(code: number): void;
}

/**
 * Gives a signal that the first Ctrl-C (or SIGTERM) aborts; the second ends the program at once.
 *
 * @returns the signal, and a function that stops listening
 */
export function listenForInterrupts(
  source: SignalSource,
  say: (text: string) => void,
): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) {
      source.exit(EXIT.interrupted);
      return;
    }
    say("\nSignal caught. Press ctrl+c again to terminate the program immediately.\n");
    controller.abort(
      new CliError("interrupted", "Interrupted", { hint: "run the same command again to go on where it stopped" }),
    );
  };
  for (const name of SIGNALS) source.on(name, onSignal);
  return {
    signal: controller.signal,
    stop: () => {
      for (const name of SIGNALS) source.off(name, onSignal);
    },
  };
}
