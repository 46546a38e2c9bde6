import { AtlsError } from "@constellation/atls";
import { RpcError } from "@constellation/rpc";
import { NodeError } from "../errors.ts";

const FIRST_WAIT_MS = 5000;
/** No longer: a service that can't read its records yet refuses in the same way, and gets well by itself. */
const MAX_WAIT_MS = 15_000;

/**
 * The hosts that refused this node, and until when each is not asked again: an attempt costs both sides a quote and an
 * appraisal. The wait is 5 s after the first refusal in a row, then twice as long each time, up to 15 s. A host that is
 * merely not there yet is never waited for.
 */
export class Refusals {
  readonly #waits = new Map<string, { readonly waitMs: number; readonly until: number }>();
  readonly #now: () => number;

  /** `now` gives milliseconds of a clock that only goes forward. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Whether the host may be asked. */
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

/** One side would not go on, as far as can be told: the host was there, and gave no ticket that this node can use. */
function isRefusal(error: unknown): boolean {
  if (error instanceof AtlsError) return error.code === "peer-refused" || error.code === "evidence-refused";
  return error instanceof NodeError || (error instanceof RpcError && error.remoteCode !== undefined);
}
