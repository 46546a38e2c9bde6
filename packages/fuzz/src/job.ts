/** What the thread that runs parsers is told. */
export interface FuzzJob {
  readonly target: string;
  readonly runs: number;
  readonly seed: number;
  readonly maxBytes: number;
  /** Folder for inputs that show a finding. */
  readonly findings: string;
  /** Whether the corpus in the tree is replaced with what the run found. */
  readonly writesCorpus: boolean;
  /** The input that is running. */
  readonly current: SharedArrayBuffer;
  /** Two numbers of 32 bits: how many inputs have been started, and how long the one is that is running. */
  readonly progress: SharedArrayBuffer;
}
