import { AtlsError } from "@constellation/atls";
import { RpcError } from "@constellation/rpc";
import { NodeError } from "../errors.ts";

const FIRST_WAIT_MS = 5000;
const MAX_WAIT_MS = 60_000;

/**
 * Which hosts are left alone for now: a host that refused this node will not think better of it in a second, and each
 * attempt costs both sides a quote and an appraisal. The wait is 5 s after the first refusal in a row, then twice as
 * long each time, up to a minute. A host that is merely not there yet is never waited for.
 */
export class Refusals {
  readonly #waits = new Map<string, { readonly waitMs: number; readonly until: number }>();
  readonly #now: () => number;

  /** `now` gives milliseconds of a clock that only goes forward. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  isDue(host: string): boolean {
    return this.#now() >= (this.#waits.get(host)?.until ?? 0);
  }

  /** Takes note of why an attempt at a host failed. */
  note(host: string, error: unknown): void {
    if (!isRefusal(error)) {
      this.#waits.delete(host);
      return;
    }
    const before = this.#waits.get(host)?.waitMs;
    const waitMs = before === undefined ? FIRST_WAIT_MS : Math.min(before * 2, MAX_WAIT_MS);
    this.#waits.set(host, { waitMs, until: this.#now() + waitMs });
  }
}

/** One side looked at the other, and said no. */
function isRefusal(error: unknown): boolean {
  if (error instanceof AtlsError) return error.code === "peer-refused" || error.code === "evidence-refused";
  return error instanceof NodeError || (error instanceof RpcError && error.remoteCode !== undefined);
}
