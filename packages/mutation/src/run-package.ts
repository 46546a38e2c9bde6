import type { Reply, TestId } from "./messages.ts";
import type { Plan } from "./plan.ts";
import { Session } from "./session.ts";
import type { Result, ResultStore } from "./store.ts";
import { type Survey, survey, type TimedTest } from "./survey.ts";

// All times are of the processor.
const LOAD_TIMEOUT_MS = 120_000;
const LEAST_TIMEOUT_MS = 10_000;
const TIMEOUT_FACTOR = 10;
/** For one mutant: what no test finds by then counts as living. */
const BUDGET_MS = 3000;

/** How to run. */
export interface RunOptions {
  /** How many mutants at a time. */
  readonly jobs: number;
  readonly leastTimeoutMs?: number;
}

/** Runs the mutants of a package of which nothing is known yet, and gives all results. */
export async function runPackage(
  plan: Plan,
  store: ResultStore,
  tell: (result: Result) => void,
  { jobs, leastTimeoutMs = LEAST_TIMEOUT_MS }: RunOptions,
): Promise<Result[]> {
  const pending = plan.mutants.flatMap((mutant, index) => (store.get(mutant) === undefined ? [index + 1] : []));
  const surveyed = pending.length > 0 ? await survey(plan) : undefined;
  const workers = surveyed ? Math.min(jobs, pending.length) : 0;
  const runners = Array.from({ length: workers }, () => new Runner(plan, surveyed as Survey, leastTimeoutMs));
  const work = async (runner: Runner): Promise<void> => {
    for (let number = pending.shift(); number !== undefined; number = pending.shift()) {
      const result = { ...(plan.mutants[number - 1] as Result), ...(await runner.judge(number)) };
      store.add(result);
      tell(result);
    }
    await runner.requireUnspoilt(() => store.clear());
  };
  try {
    await Promise.all(runners.map(work));
  } finally {
    for (const runner of runners) runner.close();
  }
  return plan.mutants.flatMap((mutant) => store.get(mutant) ?? []);
}

type Judged = Pick<Result, "outcome" | "by">;

/** Judges mutants one after the other. */
class Runner {
  readonly #plan: Plan;
  readonly #survey: Survey;
  readonly #leastTimeoutMs: number;
  #shared: Session;
  /** The files that the shared session has loaded. */
  #loaded = new Set<string>();
  /** What the shared session has run. */
  readonly #used = new Set<TimedTest>();
  /** By file: see `#canCopy`. */
  readonly #copyable = new Map<string, boolean>();
  #copies = 0;

  constructor(plan: Plan, surveyed: Survey, leastTimeoutMs: number) {
    this.#plan = plan;
    this.#survey = surveyed;
    this.#leastTimeoutMs = leastTimeoutMs;
    this.#shared = new Session(plan.setting);
  }

  /**
   * First with the modules that all tests have loaded, which is quick; then with a copy of them, for what is run while
   * they are loaded, and because what they keep may hide a mutant.
   */
  async judge(number: number): Promise<Judged> {
    const reaching = withinBudget(this.#survey.reaching.get(number) ?? []);
    const isStatic = this.#survey.reachedByLoad.has(number);
    if (reaching.length === 0 && !isStatic) return { outcome: "unreached" };
    const judged = await this.#judgeShared(number, reaching);
    if (judged.outcome !== "survived") return judged;
    return this.#judgeAlone(number, isStatic ? withinBudget(this.#testsOfModule(number)) : reaching);
  }

  async #judgeShared(number: number, tests: readonly TimedTest[]): Promise<Judged> {
    await this.#loadShared(tests);
    for (const test of tests) this.#used.add(test);
    const request = { kind: "run", tests, mutant: number, copy: 0 } as const;
    const reply = await this.#shared.ask(request, this.#timeoutOf(tests));
    if (reply === undefined) this.#restart();
    if (reply?.failed) await this.#requireHealed(reply.failed);
    return judgedBy(reply);
  }

  /** Tests that fail after all mutants ran keep state from one run to the next, and what they said can't be trusted. */
  async requireUnspoilt(discard: () => void): Promise<void> {
    const tests = [...this.#used].filter(({ file }) => this.#loaded.has(file));
    const reply = await this.#shared.ask({ kind: "run", tests, mutant: 0, copy: 0 }, this.#timeoutOf(tests));
    if (reply !== undefined && reply.failed === undefined) return;
    discard();
    const { file, name, error } = reply?.failed ?? { file: "no answer", name: "", error: "" };
    throw new Error(`Run tests after mutants failed: got "${error}" from "${name}" of "${file}", wanted them to pass`);
  }

  close(): void {
    this.#shared.close();
  }

  async #loadShared(tests: readonly TestId[]): Promise<void> {
    for (const { file } of tests) {
      if (this.#loaded.has(file)) continue;
      const reply = await this.#shared.ask({ kind: "load", file, mutant: 0, copy: 0 }, LOAD_TIMEOUT_MS);
      if (reply === undefined || reply.failed !== undefined) throw new Error(`Load "${file}" again failed`);
      this.#loaded.add(file);
    }
  }

  #restart(): void {
    this.#shared.close();
    this.#shared = new Session(this.#plan.setting);
    this.#loaded = new Set();
  }

  /** A test that fails without the mutant, too, keeps what the mutant left (as a cache does): it is loaded anew. */
  async #requireHealed({ file, index }: TestId): Promise<void> {
    const one = { file, index };
    const reply = await this.#shared.ask({ kind: "run", tests: [one], mutant: 0, copy: 0 }, LOAD_TIMEOUT_MS);
    if (reply === undefined || reply.failed !== undefined) this.#restart();
  }

  /** With modules of its own, where the mutant is on while they are loaded. */
  async #judgeAlone(number: number, tests: readonly TimedTest[]): Promise<Judged> {
    for (const [file, ofFile] of Map.groupBy(tests, (one) => one.file)) {
      const judged = (await this.#canCopy(file, ofFile))
        ? await this.#judgeInCopy(number, file, ofFile)
        : await this.#judgeInSession(number, file, ofFile);
      if (judged.outcome !== "survived") return judged;
    }
    return { outcome: "survived" };
  }

  /** Whether the tests of a file pass with a copy of the package's modules, while other packages have the first one. */
  async #canCopy(file: string, tests: readonly TimedTest[]): Promise<boolean> {
    const known = this.#copyable.get(file);
    if (known !== undefined) return known;
    const { outcome } = await this.#judgeInCopy(0, file, withinBudget(this.#survey.tests.get(file) ?? tests));
    this.#copyable.set(file, outcome === "survived");
    return outcome === "survived";
  }

  async #judgeInCopy(number: number, file: string, tests: readonly TimedTest[]): Promise<Judged> {
    this.#copies += 1;
    const judged = await this.#judgeIn(this.#shared, number, this.#copies, file, tests);
    if (judged.outcome === "timeout") this.#restart();
    return judged;
  }

  async #judgeInSession(number: number, file: string, tests: readonly TimedTest[]): Promise<Judged> {
    const session = new Session(this.#plan.setting);
    try {
      return await this.#judgeIn(session, number, 0, file, tests);
    } finally {
      session.close();
    }
  }

  async #judgeIn(
    session: Session,
    mutant: number,
    copy: number,
    file: string,
    tests: readonly TimedTest[],
  ): Promise<Judged> {
    const loaded = judgedBy(await session.ask({ kind: "load", file, mutant, copy }, LOAD_TIMEOUT_MS));
    if (loaded.outcome !== "survived") return loaded;
    return judgedBy(await session.ask({ kind: "run", tests, mutant, copy }, this.#timeoutOf(tests)));
  }

  /**
   * All tests of the files in which some test runs the mutant's module, those that run most of it first; a constant of
   * it is run by none itself.
   */
  #testsOfModule(number: number): TimedTest[] {
    const { file } = this.#plan.mutants[number - 1] as Result;
    const places = new Map<string, number>([[file.replace(/\.ts$/, ".test.ts"), Number.POSITIVE_INFINITY]]);
    for (const [other, tests] of this.#survey.reaching) {
      if (this.#plan.mutants[other - 1]?.file !== file) continue;
      for (const name of new Set(tests.map((test) => test.file))) places.set(name, (places.get(name) ?? 0) + 1);
    }
    const names = [...places].sort(([, a], [, b]) => b - a).map(([name]) => name);
    return names.flatMap((name) => this.#survey.tests.get(name) ?? []);
  }

  #timeoutOf(tests: readonly TimedTest[]): number {
    return this.#leastTimeoutMs + TIMEOUT_FACTOR * tests.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
  }
}

/** The first tests of a list that the budget pays for, and one at least. */
function withinBudget(tests: readonly TimedTest[]): TimedTest[] {
  let left = BUDGET_MS;
  return tests.filter(({ cpuMs }, index) => {
    left -= cpuMs;
    return index === 0 || left >= 0;
  });
}

function judgedBy(reply: Reply | undefined): Judged {
  if (reply === undefined) return { outcome: "timeout" };
  if (reply.failed === undefined) return { outcome: "survived" };
  return { outcome: "killed", by: { file: reply.failed.file, test: reply.failed.name } };
}
