/** Where a command reads and writes. Reports go to stdout, everything else to stderr. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Whether stderr is a terminal that can show a spinner. */
  readonly errIsTerminal: boolean;
  /** Whether a person can answer: stdin is a terminal. */
  readonly inIsTerminal: boolean;
  /** One line of stdin without its end; undefined at the end of input. */
  readLine(signal: AbortSignal): Promise<string | undefined>;
}
