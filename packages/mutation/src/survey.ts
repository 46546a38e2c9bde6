import type { Reply, TestId } from "./messages.ts";
import type { Plan } from "./plan.ts";
import type { Session } from "./session.ts";

/** A test, with how long it took. */
export interface TimedTest extends TestId {
  readonly ms: number;
}

/** What tests do where no mutant is on. */
export interface Survey {
  /** By file, quickest first. */
  readonly tests: ReadonlyMap<string, readonly TimedTest[]>;
  /** By mutant: the tests that run its place, quickest first. */
  readonly reaching: ReadonlyMap<number, readonly TimedTest[]>;
  /** Mutants whose places are run while files are loaded. */
  readonly reachedByLoad: ReadonlySet<number>;
}

const TIMEOUT_MS = 900_000;

/** Runs all tests once, which must pass. */
export async function survey(plan: Plan, session: Session): Promise<Survey> {
  const tests = new Map<string, readonly TimedTest[]>();
  const reaching = new Map<number, TimedTest[]>();
  const reachedByLoad = new Set<number>();
  for (const file of plan.testFiles) {
    const loaded = passed(await session.ask({ kind: "load", file, mutant: 0, copy: 0 }, TIMEOUT_MS), file);
    for (const number of loaded.reached) reachedByLoad.add(number);
    const timed: TimedTest[] = [];
    for (const [index, name] of loaded.names.entries()) {
      const one = { file, index };
      const reply = await session.ask({ kind: "run", tests: [one], mutant: 0, copy: 0 }, TIMEOUT_MS);
      const { ms, reached } = passed(reply, `${file}: ${name}`);
      timed.push({ ...one, ms });
      for (const number of reached) reaching.set(number, [...(reaching.get(number) ?? []), { ...one, ms }]);
    }
    tests.set(file, quickestFirst(timed));
  }
  for (const [number, found] of reaching) reaching.set(number, quickestFirst(found));
  return { tests, reaching, reachedByLoad };
}

function passed(reply: Reply | undefined, what: string): Reply {
  if (reply !== undefined && reply.failed === undefined) return reply;
  throw new Error(`Run tests without a mutant failed: got "${reply?.failed?.error ?? "no answer"}" from "${what}"`);
}

function quickestFirst(tests: readonly TimedTest[]): TimedTest[] {
  return tests.toSorted((a, b) => a.ms - b.ms);
}
