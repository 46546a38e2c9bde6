/** Runs tests with one mutant on, as it is told: a process of its own, as a mutant may never end. */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type CollectedTest, collectTests } from "./harness.ts";
import { keepRsaKeys } from "./keys.ts";
import type { Reply, Request, Setting, TestId } from "./messages.ts";
import { mutate } from "./mutate.ts";
import { SWITCH_NAME } from "./walker.ts";

const restartKeys = keepRsaKeys();
const setting = JSON.parse(process.argv[2] as string) as Setting;
const folder = pathToFileURL(join(setting.top, setting.folder)).href;
/** By file, those of the first copy and of the last one. */
const tests = { first: new Map<string, readonly CollectedTest[]>(), last: new Map<string, readonly CollectedTest[]>() };
/** Modules with their mutants, by path. */
const mutated = new Map<string, string>();
const reached = new Set<number>();
/** What tells copies of a module apart. */
const COPY = /\?copy=\d+$/;
let active = 0;
/** What was thrown where nobody catches it. */
let stray: unknown;

function isOn(number: number): boolean {
  if (active === 0) reached.add(number);
  return number === active;
}

Object.assign(globalThis, { [SWITCH_NAME]: isOn });
process.on("uncaughtException", (error) => {
  stray = error;
});

const firstNumbers = new Map(setting.modules.map(({ file, firstNumber }) => [join(setting.top, file), firstNumber]));
registerHooks({
  resolve: (specifier, context, nextResolve) => {
    if (specifier === "node:test") return { url: new URL("harness.ts", import.meta.url).href, shortCircuit: true };
    const found = nextResolve(specifier, context);
    const copy = context.parentURL?.match(COPY)?.[0];
    return copy !== undefined && found.url.startsWith(folder) ? { ...found, url: found.url + copy } : found;
  },
  load: (url, context, nextLoad) => {
    const path = url.startsWith("file:") ? fileURLToPath(url) : "";
    const firstNumber = firstNumbers.get(path);
    if (firstNumber === undefined) return nextLoad(url, context);
    const source = mutated.get(path) ?? mutate(path, readFileSync(path, "utf8"), firstNumber).source;
    mutated.set(path, source);
    return { format: "module-typescript", shortCircuit: true, source };
  },
});

async function load(file: string, copy: number): Promise<Reply["failed"]> {
  if (copy > 0) tests.last.clear();
  try {
    const { href } = pathToFileURL(join(setting.top, file));
    if (copy === 0) tests.first.set(file, await collectTests(href));
    else tests.last.set(file, await collectTests(`${href}?copy=${copy}`));
    return undefined;
  } catch (error) {
    return { file, index: -1, name: "import of the file", error: String(error) };
  }
}

async function runUntilFailure(ids: readonly TestId[], copy: number): Promise<Reply["failed"]> {
  for (const { file, index } of ids) {
    const one = testsOf(file, copy)[index];
    if (one === undefined)
      throw new Error(`Run test failed: got "${file}" number "${index}", wanted one that is loaded`);
    try {
      stray = undefined;
      await one.run();
      if (stray !== undefined) throw stray;
    } catch (error) {
      return { file, index, name: one.name, error: String(error) };
    }
  }
  return undefined;
}

function testsOf(file: string, copy: number): readonly CollectedTest[] {
  return tests[copy === 0 ? "first" : "last"].get(file) ?? [];
}

async function answer(request: Request): Promise<Reply> {
  const { copy } = request;
  active = request.mutant;
  restartKeys(request.kind);
  reached.clear();
  const before = process.cpuUsage();
  const isLoad = request.kind === "load";
  const failed = isLoad ? await load(request.file, copy) : await runUntilFailure(request.tests, copy);
  const names = isLoad ? testsOf(request.file, copy).map(({ name }) => name) : [];
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1000, names, reached: [...reached], ...(failed && { failed }) };
}

process.on("message", (request: Request) => {
  answer(request).then(
    (reply) => process.send?.(reply),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
