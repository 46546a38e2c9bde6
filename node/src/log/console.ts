import { appendFileSync } from "node:fs";

/** Readable lines for whoever looks at the machine's console. */
export type Console = (text: string) => void;

/**
 * A console that prefixes each line with the seconds since the machine was switched on, so that a boot can be read
 * like a timetable. A console that can't be written to is no reason to stop a node.
 */
export function openConsole(path: string, uptimeMs: () => number): Console {
  return (text) => {
    const seconds = (uptimeMs() / 1000).toFixed(1).padStart(6);
    try {
      appendFileSync(path, `constellation ${seconds} s  ${text}\r\n`);
    } catch {
      // No console on this machine: the journal has it all.
    }
  };
}
