import {
  type Counter,
  describeError,
  type Histogram,
  type Log,
  type LogFields,
  type Metrics,
} from "@constellation/pod";
import { AUTHORIZED_NAMESPACES, type KeyRequest } from "./authorization.ts";
import type { ReleasedKey } from "./data-key.ts";
import { KeyServiceError } from "./errors.ts";
import type { PodCaller } from "./pod-caller.ts";

/** What is known of a caller before its key ID is looked at. */
export interface Caller {
  readonly caller: string;
  /** The pod that asks, where it is one: pod, podUid, node. */
  readonly pod: Partial<Omit<PodCaller, "caller">>;
}

const DURATION_BUCKETS_S = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10];

/**
 * Writes one line for each request, granted or refused: who, which pod on which node, which key of which generation,
 * what came of it. And counts them. The key itself, and tokens, are in neither.
 */
export class Audit {
  readonly #log: Log;
  readonly #monotonicMs: () => number;
  readonly #requests: Counter;
  readonly #durations: Histogram;

  constructor(log: Log, metrics: Metrics, monotonicMs: () => number) {
    this.#log = log;
    this.#monotonicMs = monotonicMs;
    this.#requests = metrics.counter(
      "constellation_key_requests_total",
      "Requests for keys by caller and outcome: granted, or why not.",
    );
    this.#durations = metrics.histogram(
      "constellation_key_request_duration_seconds",
      "Time from request to answer.",
      DURATION_BUCKETS_S,
    );
  }

  /**
   * Runs a request.
   * @param asked the request without its caller
   * @param origin where it comes from
   * @param authenticate says who asks
   */
  async run(
    asked: Omit<KeyRequest, "caller">,
    origin: LogFields,
    authenticate: () => Promise<Caller> | Caller,
    release: (request: KeyRequest, caller: Caller) => Promise<ReleasedKey>,
  ): Promise<ReleasedKey> {
    const beginMs = this.#monotonicMs();
    let caller: Caller | undefined;
    try {
      caller = await authenticate();
      const released = await release({ ...asked, caller: caller.caller }, caller);
      const { keyId, generation } = released;
      this.#record("granted", caller, { ...origin, ...asked, keyId, generation }, beginMs);
      return released;
    } catch (error) {
      const code = error instanceof KeyServiceError ? error.code : "internal";
      this.#record(code, caller, { code, ...origin, ...asked, reason: describeError(error) }, beginMs);
      throw error;
    }
  }

  #record(outcome: string, caller: Caller | undefined, fields: LogFields, beginMs: number): void {
    const shown = outcome === "granted" ? "granted" : "refused";
    this.#log.record("key-request", { outcome: shown, caller: caller?.caller, ...caller?.pod, ...fields });
    const known = caller !== undefined && AUTHORIZED_NAMESPACES.has(caller.caller) ? caller.caller : "unknown";
    this.#requests.increment({ caller: known, outcome });
    this.#durations.observe((this.#monotonicMs() - beginMs) / 1_000, { caller: known });
  }
}
