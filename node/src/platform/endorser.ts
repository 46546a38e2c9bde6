import { DEFAULT_LIMITS, DEFAULT_NETWORK_OPTIONS, type EndorsementSource } from "@constellation/endorsements";
import { createFetch, MemoryStore, networkSource, pccs } from "@constellation/endorsements";
import { endorseEvidence } from "@constellation/endorsements/evidence";
import { setTimeout as delay } from "node:timers/promises";
import { describeError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import type { EndorsementServices } from "./metadata.ts";

/** A peer waits for the evidence: who does not answer soon is left out, and not asked again for a while. */
const ANSWER_TIMEOUT_MS = 8_000;
const PAUSE_MS = 60_000;
const LIMITS = { ...DEFAULT_LIMITS, timeoutMs: 4_000, maxAttempts: 1, totalMs: ANSWER_TIMEOUT_MS };

/** The vendors' services, or the ones that this machine's host names: it does not matter who brings endorsements. */
export function vendorSource({ kdsUrl, pccsUrl }: EndorsementServices): EndorsementSource {
  const options = {
    ...DEFAULT_NETWORK_OPTIONS,
    limits: LIMITS,
    ...(kdsUrl !== undefined && { kdsUrl }),
    ...(pccsUrl !== undefined && { pcs: pccs(pccsUrl) }),
  };
  return networkSource(options, {
    fetch: createFetch({ env: {} }),
    store: new MemoryStore(),
    now: () => new Date(),
    delay: (waitMs, signal) => delay(waitMs, undefined, { signal }),
    notify: () => undefined,
  });
}

/** Adds endorsements to a machine's own evidence; it goes as it is where they are not to be had soon. */
export function patientEndorser(
  source: EndorsementSource,
  log: Pick<Log, "warn">,
  nowMs: () => number = () => performance.now(),
): (evidence: Uint8Array, signal: AbortSignal) => Promise<Uint8Array> {
  let pausedUntil = Number.NEGATIVE_INFINITY;
  return async (evidence, signal) => {
    if (nowMs() < pausedUntil) return evidence;
    const bounds = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    try {
      const { evidence: endorsed, missing } = await endorseEvidence(evidence, source, bounds);
      if (missing.length > 0) pause(missing.map(describeError).join("; "));
      return endorsed;
    } catch (error) {
      signal.throwIfAborted();
      pause(describeError(error));
      return evidence;
    }
  };

  function pause(reason: string): void {
    pausedUntil = nowMs() + PAUSE_MS;
    log.warn("evidence goes without endorsements of the vendor", { reason });
  }
}
