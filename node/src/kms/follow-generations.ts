import type { EtcdKey } from "@constellation/keys";
import { describeError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import type { EtcdKeys } from "./etcd-keys.ts";

/** Gives the keys for secrets in etcd that the cluster has now, of all generations. */
export type EtcdKeySource = (signal: AbortSignal) => Promise<readonly EtcdKey[]>;

/** With the kubelet's time to bring a changed Secret to a pod, less than `READ_BEFORE_WRITE_MS`. */
const INTERVAL_MS = 3 * 60_000;
/** A control plane without any key can serve no API server: it asks soon again. */
const URGENT_INTERVAL_MS = 5_000;

/**
 * Keeps a running control plane's keys as the cluster has them: a new generation of the master secret comes to it without
 * a restart, a dropped one is forgotten. What the agent holds stays as it is while the source does not answer.
 */
export async function followGenerations(
  source: EtcdKeySource,
  keys: EtcdKeys,
  log: Log,
  delay: (ms: number, value: undefined, options: { signal: AbortSignal }) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const before = generationsOf(keys);
      await keys.follow(await source(signal));
      const now = generationsOf(keys);
      if (now !== before) log.info("generations of keys for secrets in etcd changed", { before, now });
    } catch (error) {
      if (!signal.aborted)
        log.warn("generations of keys for secrets in etcd not known", { error: describeError(error) });
    }
    const waitMs = keys.ring.held.length === 0 ? URGENT_INTERVAL_MS : INTERVAL_MS;
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
  }
}

function generationsOf({ ring }: EtcdKeys): string {
  return ring.held.map(({ generation }) => generation).join(",");
}
