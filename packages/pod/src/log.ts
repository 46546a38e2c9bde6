/** A value of a log line. Secrets have no such type and print as "[secret]" if they get here all the same. */
export type LogValue = string | number | boolean | undefined | readonly string[];

/** The fields of a log line; undefined ones are left out. */
export type LogFields = Readonly<Record<string, LogValue>>;

/** What a pod writes to its standard output: one JSON object per line, first when and what, then the fields. */
export interface Log {
  record(event: string, fields?: LogFields): void;
}

const MAX_VALUE_CHARS = 1_000;

/** Parts that a log takes from outside. */
export interface LogParts {
  readonly write: (line: string) => void;
  readonly now: () => Date;
}

/** A log of JSON lines. Strings are bounded; JSON escapes whatever could end or forge a line. */
export function createLog({ write, now }: LogParts): Log {
  return {
    record(event, fields = {}) {
      const bounded = Object.entries(fields).map(([key, value]) => [key, bound(value)]);
      write(`${JSON.stringify({ time: now().toISOString(), event, ...Object.fromEntries(bounded) })}\n`);
    },
  };
}

/** An error with its causes, outermost first, as text for a log line. */
export function describeError(error: unknown): string {
  const messages: string[] = [];
  for (let at: unknown = error; at !== undefined && messages.length < 8; at = (at as { cause?: unknown })?.cause) {
    messages.push(at instanceof Error ? at.message : JSON.stringify(at));
  }
  return messages.join(": ");
}

function bound(value: LogValue): LogValue {
  if (typeof value !== "string" || value.length <= MAX_VALUE_CHARS) return value;
  return `${value.slice(0, MAX_VALUE_CHARS)}...`;
}
