import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Reply, TestId } from "./messages.ts";
import { digestOfFiles, ENGINE, type Plan } from "./plan.ts";
import { Session } from "./session.ts";

/** A test, with the time of the processor that it took. */
export interface TimedTest extends TestId {
  readonly cpuMs: number;
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

/** What the tests of one file do, kept for as long as nothing changes that they run. */
interface SurveyedFile {
  readonly digest: string;
  readonly reachedByLoad: readonly number[];
  readonly tests: readonly { readonly cpuMs: number; readonly reached: readonly number[] }[];
}

/** Of the processor. */
const TIMEOUT_MS = 300_000;

/** Runs all tests once, which must pass. What is known of a file already is taken from the folder. */
export async function survey(plan: Plan, folder: string = join(plan.setting.top, "build/mutation")): Promise<Survey> {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${plan.name}.survey.json`);
  const kept = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Record<string, SurveyedFile>) : {};
  const files: Record<string, SurveyedFile> = {};
  const session = new Session(plan.setting);
  try {
    for (const file of plan.testFiles) {
      const digest = `${ENGINE} ${plan.sourcesDigest} ${digestOfFiles(plan.setting.top, [file])}`;
      const known = kept[file];
      files[file] = known?.digest === digest ? known : { digest, ...(await surveyFile(file, session)) };
      writeFileSync(path, JSON.stringify({ ...kept, ...files }));
    }
  } finally {
    session.close();
  }
  return summed(files);
}

async function surveyFile(file: string, session: Session): Promise<Omit<SurveyedFile, "digest">> {
  const loaded = passed(await session.ask({ kind: "load", file, mutant: 0, copy: 0 }, TIMEOUT_MS), file);
  const tests: { cpuMs: number; reached: readonly number[] }[] = [];
  for (const [index, name] of loaded.names.entries()) {
    const reply = await session.ask({ kind: "run", tests: [{ file, index }], mutant: 0, copy: 0 }, TIMEOUT_MS);
    const { cpuMs, reached } = passed(reply, `${file}: ${name}`);
    tests.push({ cpuMs, reached });
  }
  return { reachedByLoad: loaded.reached, tests };
}

function passed(reply: Reply | undefined, what: string): Reply {
  if (reply !== undefined && reply.failed === undefined) return reply;
  throw new Error(`Run tests without a mutant failed: got "${reply?.failed?.error ?? "no answer"}" from "${what}"`);
}

function summed(files: Readonly<Record<string, SurveyedFile>>): Survey {
  const tests = new Map<string, TimedTest[]>();
  const reaching = new Map<number, TimedTest[]>();
  const reachedByLoad = new Set<number>();
  for (const [file, surveyed] of Object.entries(files)) {
    for (const number of surveyed.reachedByLoad) reachedByLoad.add(number);
    const timed = surveyed.tests.map(({ cpuMs }, index) => ({ file, index, cpuMs }));
    tests.set(file, quickestFirst(timed));
    for (const [index, { reached }] of surveyed.tests.entries()) {
      for (const number of reached) reaching.set(number, [...(reaching.get(number) ?? []), timed[index] as TimedTest]);
    }
  }
  for (const [number, found] of reaching) reaching.set(number, quickestFirst(found));
  return { tests, reaching, reachedByLoad };
}

function quickestFirst(tests: readonly TimedTest[]): TimedTest[] {
  return tests.toSorted((a, b) => a.cpuMs - b.cpuMs);
}
