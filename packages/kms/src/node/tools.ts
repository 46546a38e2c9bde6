import { randomInt } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_LIMITS, type Limits, type Tools } from "../http/fetch.ts";
import { createFetch } from "./https-fetch.ts";

const JITTER_STEPS = 1 << 20;

/** What a program decides about the world outside. */
export interface NodeOptions {
  /** PEM certificates of CAs that are trusted instead of the system's. */
  readonly ca?: string;
  readonly limits?: Partial<Limits>;
}

/** Network, clock, files and randomness of this machine. */
export function nodeTools({ ca, limits }: NodeOptions = {}): Tools {
  return {
    fetch: createFetch(ca),
    now: () => new Date(),
    jitter: () => randomInt(JITTER_STEPS) / JITTER_STEPS,
    delay: (waitMs, signal) => delay(waitMs, undefined, { signal }),
    readFile: (path, signal) => readFile(path, { signal }),
    limits: { ...DEFAULT_LIMITS, ...limits },
  };
}
