import type { EtcdKey } from "@constellation/keys";
import { describeError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import type { EtcdKeys } from "./etcd-keys.ts";

/** Gives the keys for secrets in etcd that the cluster has now, of all generations. */
export type EtcdKeySource = (signal: AbortSignal) => Promise<readonly EtcdKey[]>;

/** Waits that long, or until the signal. */
type Delay = (ms: number, value: undefined, options: { signal: AbortSignal }) => Promise<void>;

/** With the kubelet's time to bring a changed Secret to a pod, less than `READ_BEFORE_WRITE_MS`. */
const INTERVAL_MS = 3 * 60_000;
/**
 * A control plane without any key can serve no API server, and one that misses a newer generation can't read what others
 * write: it asks soon again. Not at once: who can write to etcd can make it miss any generation.
 */
const URGENT_INTERVAL_MS = 5_000;

/**
 * Keeps a running control plane's keys as the cluster has them: a new generation of the master secret comes to it without
 * a restart, a dropped one is forgotten. What the agent holds stays as it is while the source does not answer.
 */
export async function followGenerations(
  source: EtcdKeySource,
  keys: EtcdKeys,
  log: Log,
  delay: Delay,
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
    await untilDue(keys, delay, signal);
  }
}

async function untilDue({ ring }: EtcdKeys, delay: Delay, signal: AbortSignal): Promise<void> {
  const due = new AbortController();
  const wait = (ms: number): Promise<void> =>
    delay(ms, undefined, { signal: AbortSignal.any([signal, due.signal]) }).catch(() => undefined);
  if (ring.held.length === 0) return await wait(URGENT_INTERVAL_MS);
  await Promise.race([wait(INTERVAL_MS), ring.newerMissed().then(() => wait(URGENT_INTERVAL_MS))]);
  due.abort();
}

function generationsOf({ ring }: EtcdKeys): string {
  return ring.held.map(({ generation }) => generation).join(",");
}
