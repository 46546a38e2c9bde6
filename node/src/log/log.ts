import { describeError, errorCode } from "../errors.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Values of a log line. A Secret in here prints as "[secret]" by its own `toJSON`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log of the agent: one JSON object per line, for journald. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, error: unknown, fields?: LogFields): void;
}

// journald reads the priority from this prefix (sd-daemon(3)).
const PRIORITY: Record<LogLevel, string> = { debug: "<7>", info: "<6>", warn: "<4>", error: "<3>" };

/** Makes a log that hands finished lines to `write`. */
export function createLog(write: (line: string) => void): Log {
  const emit = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    write(`${PRIORITY[level]}${JSON.stringify({ level, message, ...fields })}\n`);
  };
  return {
    debug: (message, fields) => emit("debug", message, fields),
    info: (message, fields) => emit("info", message, fields),
    warn: (message, fields) => emit("warn", message, fields),
    error: (message, error, fields) =>
      emit("error", message, { ...fields, code: errorCode(error), error: describeError(error) }),
  };
}
