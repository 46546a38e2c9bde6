import type { Reply, TestId } from "./messages.ts";
import type { Plan } from "./plan.ts";
import { Session } from "./session.ts";
import type { Result, ResultStore } from "./store.ts";
import { type Survey, survey, type TimedTest } from "./survey.ts";

const LOAD_TIMEOUT_MS = 300_000;
const LEAST_TIMEOUT_MS = 60_000;
const MOST_TIMEOUT_MS = 300_000;
const TIMEOUT_FACTOR = 10;

/** Runs the mutants of a package of which nothing is known yet, and gives all results. */
export async function runPackage(
  plan: Plan,
  store: ResultStore,
  tell: (result: Result) => void,
  leastTimeoutMs: number = LEAST_TIMEOUT_MS,
): Promise<Result[]> {
  const isPending = plan.mutants.map((mutant) => store.get(mutant) === undefined);
  if (isPending.includes(true)) {
    const runner = new Runner(plan, leastTimeoutMs);
    try {
      await runner.survey();
      for (const [index, mutant] of plan.mutants.entries()) {
        if (!isPending[index]) continue;
        const result = { ...mutant, ...(await runner.judge(index + 1)) };
        store.add(result);
        tell(result);
      }
      await runner.requireUnspoilt(() => store.clear());
    } finally {
      runner.close();
    }
  }
  return plan.mutants.flatMap((mutant) => store.get(mutant) ?? []);
}

type Judged = Pick<Result, "outcome" | "by">;

/** Judges mutants one after the other. */
class Runner {
  readonly #plan: Plan;
  readonly #leastTimeoutMs: number;
  #shared: Session;
  /** The files that the shared session has loaded. */
  #loaded = new Set<string>();
  /** By file: see `#canCopy`. */
  readonly #copyable = new Map<string, boolean>();
  #copies = 0;
  #survey: Survey = { tests: new Map(), reaching: new Map(), reachedByLoad: new Set() };

  constructor(plan: Plan, leastTimeoutMs: number) {
    this.#plan = plan;
    this.#leastTimeoutMs = leastTimeoutMs;
    this.#shared = new Session(plan.setting);
  }

  async survey(): Promise<void> {
    this.#survey = await survey(this.#plan, this.#shared);
    this.#loaded = new Set(this.#plan.testFiles);
  }

  /** First with the modules that all tests have loaded, which is quick; what lives there, and what is run at load, alone. */
  async judge(number: number): Promise<Judged> {
    const reaching = this.#survey.reaching.get(number) ?? [];
    const isStatic = this.#survey.reachedByLoad.has(number);
    if (reaching.length === 0 && !isStatic) return { outcome: "unreached" };
    if (reaching.length > 0) {
      await this.#loadShared(reaching);
      const reply = await this.#shared.ask(
        { kind: "run", tests: reaching, mutant: number, copy: 0 },
        this.#timeoutOf(reaching),
      );
      if (reply === undefined) this.#restart();
      const judged = judgedBy(reply);
      if (reply?.failed) await this.#requireHealed(reply.failed);
      if (judged.outcome !== "survived") return judged;
    }
    return this.#judgeAlone(number, isStatic ? this.#testsOfModule(number) : reaching);
  }

  /** Tests that fail after all mutants ran keep state from one run to the next, and what they said can't be trusted. */
  async requireUnspoilt(discard: () => void): Promise<void> {
    const tests = [...this.#survey.tests.values()].flat().filter(({ file }) => this.#loaded.has(file));
    const reply = await this.#shared.ask({ kind: "run", tests, mutant: 0, copy: 0 }, LOAD_TIMEOUT_MS * 3);
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
    const reply = await this.#shared.ask({ kind: "run", tests: [one], mutant: 0, copy: 0 }, MOST_TIMEOUT_MS);
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
    const { outcome } = await this.#judgeInCopy(0, file, this.#survey.tests.get(file) ?? tests);
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
   * All tests of the files in which some test runs the mutant's module, its own file's first; a constant of it is run
   * by none itself.
   */
  #testsOfModule(number: number): TimedTest[] {
    const { file } = this.#plan.mutants[number - 1] as Result;
    const files = new Set([file.replace(/\.ts$/, ".test.ts")]);
    for (const [other, tests] of this.#survey.reaching) {
      if (this.#plan.mutants[other - 1]?.file === file) for (const test of tests) files.add(test.file);
    }
    return [...files].flatMap((name) => this.#survey.tests.get(name) ?? []);
  }

  #timeoutOf(tests: readonly TimedTest[]): number {
    const ms = tests.reduce((sum, test) => sum + test.ms, 0);
    return Math.min(this.#leastTimeoutMs + TIMEOUT_FACTOR * ms, MOST_TIMEOUT_MS);
  }
}

function judgedBy(reply: Reply | undefined): Judged {
  if (reply === undefined) return { outcome: "timeout" };
  if (reply.failed === undefined) return { outcome: "survived" };
  return { outcome: "killed", by: { file: reply.failed.file, test: reply.failed.name } };
}
