import type { Clock } from "../clock.ts";
import { formatDuration } from "./duration.ts";
import type { Io } from "./io.ts";
import { printable } from "./printable.ts";

/** Shows what a command is doing, on stderr, with the time each step took. */
export interface Progress {
  /** Begins a step. Steps do not nest: a new one ends the one before. */
  begin(title: string): Step;
  /** Runs work as one step; work may begin further steps, which end with it. */
  step<Result>(title: string, work: (step: Step) => Promise<Result>): Promise<Result>;
  /** A line beside the steps. */
  line(text: string): void;
  /** Takes the terminal for a question: pauses the spinner. */
  pause(): void;
}

/** One step while it runs. */
export interface Step {
  /** What it waits for now; seen on terminals only. */
  note(text: string): void;
  done(outcome?: string): void;
  failed(): void;
}

const FRAMES = ["⣷", "⣯", "⣟", "⡿", "⢿", "⣻", "⣽", "⣾"];
const FRAME_MS = 100;
const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
const CLEAR_LINE = "\r\u001b[K";

/** How progress is shown. */
export interface ProgressOptions {
  readonly io: Io;
  readonly clock: Clock;
  /** A spinner that turns; otherwise one line for each step when it ends. */
  readonly spinner: boolean;
  /** Width of the terminal; longer lines are cut while the spinner turns. */
  readonly columns?: () => number;
}

/** Progress on a terminal or, without spinner, as one line `step ... 12.3s` for each step. */
export function createProgress(options: ProgressOptions): Progress {
  let running: RunningStep | undefined;
  const end = () => {
    running?.done();
    running = undefined;
  };
  return {
    begin(title) {
      end();
      running = new RunningStep(title, options);
      return running;
    },
    async step(title, work) {
      try {
        const result = await work(this.begin(title));
        end();
        return result;
      } catch (error) {
        running?.failed();
        running = undefined;
        throw error;
      }
    },
    line(text) {
      running?.hide();
      options.io.err(`${text}\n`);
      running?.show();
    },
    pause() {
      running?.hide();
    },
  };
}

class RunningStep implements Step {
  readonly #title: string;
  readonly #options: ProgressOptions;
  readonly #beginMs: number;
  #detail = "";
  #frame = 0;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(title: string, options: ProgressOptions) {
    this.#title = printable(title);
    this.#options = options;
    this.#beginMs = options.clock.monotonicMs();
    this.show();
  }

  note(text: string): void {
    this.#detail = printable(text);
  }

  done(outcome = ""): void {
    this.#end(outcome === "" ? this.#elapsed() : `${outcome} ${this.#elapsed()}`);
  }

  failed(): void {
    this.#end(`failed after ${this.#elapsed()}`);
  }

  show(): void {
    if (!this.#options.spinner || this.#ended || this.#timer !== undefined) return;
    this.#options.io.err(HIDE_CURSOR);
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), FRAME_MS);
    this.#timer.unref();
  }

  hide(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#options.io.err(`${CLEAR_LINE}${SHOW_CURSOR}`);
  }

  #draw(): void {
    const detail = this.#detail === "" ? "" : ` (${this.#detail})`;
    const line = `${FRAMES[this.#frame++ % FRAMES.length]} ${this.#title}${detail} ${this.#elapsed()}`;
    this.#options.io.err(`${CLEAR_LINE}${line.slice(0, (this.#options.columns?.() ?? 80) - 1)}`);
  }

  #end(outcome: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.hide();
    this.#options.io.err(`${this.#title} ... ${outcome}\n`);
  }

  #elapsed(): string {
    return formatDuration(this.#options.clock.monotonicMs() - this.#beginMs);
  }
}
