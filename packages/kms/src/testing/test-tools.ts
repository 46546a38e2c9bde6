import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_LIMITS, type Fetch, type Limits, type Tools } from "../http/fetch.ts";
import { nodeTools } from "../node/tools.ts";
import type { Fault } from "./faults.ts";

const PATIENT_ATTEMPT_MS = 120_000;
const SILENT_ATTEMPT_MS = 20;

/** Real network, clock and files, with patience for a busy machine. `changes` replaces parts. */
export function patientTools(changes: Partial<Tools> = {}): Tools {
  const limits = { ...DEFAULT_LIMITS, attemptMs: PATIENT_ATTEMPT_MS, totalMs: 600_000 };
  return { ...nodeTools({ limits }), ...changes };
}

/**
 * For services that never answer as they should: two attempts and no waits between them. An attempt takes its time,
 * but a short one while `between` keeps all answers back.
 */
export function impatientTools(fetch: Fetch, between: { readonly fault: Fault } = { fault: "none" }): Tools {
  const limits: Limits = {
    ...DEFAULT_LIMITS,
    maxAttempts: 2,
    get attemptMs() {
      return between.fault === "silent" ? SILENT_ATTEMPT_MS : PATIENT_ATTEMPT_MS;
    },
  };
  return { ...nodeTools(), fetch, delay: async (_, signal) => delay(0, undefined, { signal }), limits };
}
