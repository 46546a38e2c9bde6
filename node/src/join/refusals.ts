import { AtlsError } from "@constellation/atls";
import { RpcError } from "@constellation/rpc";
import { NodeError } from "../errors.ts";

/**
 * How an attempt at a host ended, as far as can be told. "refused": one side would not go on, which stays so until
 * somebody changes something. "not-now": the service is there and says to try again. "away": it was not there.
 */
type Ending = "refused" | "not-now" | "away";

/** Waits after each ending in a row: the first, doubled each time, up to the greatest. */
const WAITS_MS = {
  /** An attempt costs both sides a quote and an appraisal. */
  refused: { first: 5000, most: 15_000 },
  /** With this bound a node stays below the 30 requests a minute that a join service takes from one. */
  "not-now": { first: 100, most: 3000 },
} as const;

/** Statuses with which a join service says "try again" (`services/join/src/statuses.ts`). */
const NOT_NOW_STATUSES: ReadonlySet<string> = new Set(["unavailable", "resource-exhausted"]);

/** What a join service that can't read its records yet answers to any evidence. */
const NOT_NOW_REASON = "cluster_state_unavailable";

/** The hosts that gave no ticket, and until when each is not asked again. One that was not there is never waited for. */
export class Refusals {
  readonly #waits = new Map<string, { readonly ending: Ending; readonly waitMs: number; readonly until: number }>();
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
    const ending = endingOf(error);
    if (ending === "away") {
      this.#waits.delete(host);
      return;
    }
    const before = this.#waits.get(host);
    const { first, most } = WAITS_MS[ending];
    const waitMs = before?.ending === ending ? Math.min(before.waitMs * 2, most) : first;
    this.#waits.set(host, { ending, waitMs, until: this.#now() + waitMs });
  }
}

function endingOf(error: unknown): Ending {
  if (error instanceof AtlsError) {
    if (error.code === "evidence-refused") return "refused";
    if (error.code !== "peer-refused") return "away";
    return error.peerReason === NOT_NOW_REASON ? "not-now" : "refused";
  }
  // A call that broke has no remote code, whatever its status.
  if (error instanceof RpcError && error.remoteCode !== undefined) {
    return NOT_NOW_STATUSES.has(error.code) ? "not-now" : "refused";
  }
  return error instanceof NodeError ? "refused" : "away";
}
