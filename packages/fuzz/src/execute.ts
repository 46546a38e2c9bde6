import type { Target } from "./target.ts";

/** Bounds that a parser keeps. */
const LIMITS = { slowMs: 200, slowBelowBytes: 1 << 16 } as const;

/** What a parser must not do. */
export interface Finding {
  readonly kind: "foreign exception" | "slow";
  readonly message: string;
  /** What findings of one cause have in common. */
  readonly place: string;
}

/** Runs a parser once. */
export function execute(target: Target, bytes: Uint8Array): Finding | undefined {
  const start = performance.now();
  try {
    target.parse(bytes);
  } catch (error) {
    if (!isOwn(target, error)) return foreign(error);
  }
  return performance.now() - start > LIMITS.slowMs ? confirmedSlow(target, bytes) : undefined;
}

/** Exactly the package's class: a class of its own that is derived would be another. */
function isOwn({ error: wanted }: Target, error: unknown): boolean {
  return error instanceof wanted && Object.getPrototypeOf(error) === wanted.prototype;
}

function foreign(error: unknown): Finding {
  const name = error instanceof Error ? error.constructor.name : typeof error;
  const message = error instanceof Error ? error.message : String(error);
  const place = (error instanceof Error ? error.stack : undefined)?.split("\n").find((line) => /^ +at /.test(line));
  return { kind: "foreign exception", message: `${name}: ${message}`, place: `${name} ${place?.trim() ?? ""}` };
}

const CONFIRMATIONS = 3;

/** Time of the processor, and the least of some tries: another process, or a collection of garbage, is not the parser's. */
function confirmedSlow(target: Target, bytes: Uint8Array): Finding | undefined {
  if (bytes.length >= LIMITS.slowBelowBytes) return undefined;
  const times = Array.from({ length: CONFIRMATIONS }, () => processorMs(target, bytes));
  const least = Math.min(...times);
  if (least <= LIMITS.slowMs) return undefined;
  return { kind: "slow", message: `${Math.round(least)} ms for ${bytes.length} bytes`, place: "slow" };
}

function processorMs(target: Target, bytes: Uint8Array): number {
  const before = process.threadCpuUsage();
  try {
    target.parse(bytes);
  } catch (error) {
    if (!isOwn(target, error)) throw error;
  }
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
