/** Stands for `node:test` in test files, so that one process can run their tests again and again. */

// Not by import, which gives this module.
const { mock } = process.getBuiltinModule("node:test");

type Hook = () => unknown;

/** What a test's function is given. */
interface Context {
  readonly name: string;
  after(hook: Hook): void;
  diagnostic(message: string): void;
  /** What it changed is put back after the test. */
  readonly mock: typeof mock;
}

type Run = (context: Context) => unknown;

interface Options {
  readonly skip?: boolean | string | undefined;
}

interface Suite {
  readonly name: string;
  readonly isSkipped: boolean;
  readonly before: Hook[];
  readonly after: Hook[];
}

/** One test of a file. */
export interface CollectedTest {
  readonly name: string;
  /** Rejects where the test fails. */
  run(): Promise<void>;
}

const ROOT = "";
let suites: readonly Suite[] = [];
let collected: CollectedTest[] = [];

/** Imports a file, and gives its tests. */
export async function collectTests(url: string): Promise<CollectedTest[]> {
  suites = [{ name: ROOT, isSkipped: false, before: [], after: [] }];
  collected = [];
  await import(url);
  return collected;
}

export function test(name: string, ...rest: [Run] | [Options, Run]): void {
  const [options, run] = rest.length === 2 ? rest : [{}, rest[0]];
  const around = suites;
  if (isSkipped(options) || around.some((suite) => suite.isSkipped)) return;
  const path = [...around.map((suite) => suite.name), name].filter((part) => part !== ROOT);
  collected.push({ name: path.join(" > "), run: () => runTest(name, run, around) });
}

export function describe(name: string, ...rest: [Hook] | [Options, Hook]): void {
  const [options, fill] = rest.length === 2 ? rest : [{}, rest[0]];
  const around = suites;
  suites = [...around, { name, isSkipped: isSkipped(options), before: [], after: [] }];
  try {
    fill();
  } finally {
    suites = around;
  }
}

export function before(hook: Hook): void {
  suites.at(-1)?.before.push(hook);
}

export function after(hook: Hook): void {
  suites.at(-1)?.after.push(hook);
}

export { describe as suite, test as it };

function isSkipped({ skip }: Options): boolean {
  return skip !== undefined && skip !== false;
}

/** Hooks run anew for each test, as any test may be the only one. */
async function runTest(name: string, run: Run, around: readonly Suite[]): Promise<void> {
  const cleanups = around.flatMap((suite) => suite.after).reverse();
  try {
    for (const hook of around.flatMap((suite) => suite.before)) await hook();
    await run({ name, after: (hook) => cleanups.unshift(hook), diagnostic: () => {}, mock });
  } finally {
    mock.reset();
    for (const hook of cleanups) await hook();
  }
}
