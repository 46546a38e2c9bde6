import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";
import { utf8 } from "@constellation/bytes";
import { CORPUS_LIMITS, minimise, readCorpus, writeCorpus } from "./corpus.ts";
import { Coverage } from "./coverage.ts";
import { dictionaryOf } from "./dictionary.ts";
import { execute } from "./execute.ts";
import { findingLine, type FoundInput, fuzz } from "./fuzz.ts";
import { instrument } from "./instrument.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";
import type { Target } from "./target.ts";

class OwnError extends Error {}
class OtherError extends OwnError {}

function targetOf(parse: Target["parse"]): Target {
  return { name: "test.target", parse, error: OwnError, seeds: () => [] };
}

describe("instrument()", () => {
  /** Which counters a module's function `f` counts up, by its argument. */
  function counts(source: string, argument: unknown): number[] {
    const { source: instrumented, counters } = instrument(source, 0);
    const body = instrumented.replace("export function", "function").replace(/globalThis\.\w+/, "counters");
    const counted = new Uint32Array(counters);
    runInNewContext(`${body}; f(argument);`, { counters: counted, argument });
    return [...counted];
  }

  test("counts both ways of a condition, with and without braces and else", () => {
    assert.deepEqual(counts("export function f(x) { if (x) return 1; return 2; }", true), [1, 1, 0]);
    assert.deepEqual(counts("export function f(x) { if (x) return 1; return 2; }", false), [1, 0, 1]);
    const chained = "export function f(x) { if (x) { return 1; } else if (x === 0) return 2; }";
    assert.equal(counts(chained, 0).filter((count) => count === 1).length, 3);
  });

  test("counts cases, loops, and the parts of expressions", () => {
    const loop = "export function f(x) { let n = 0; for (const i of x) n += i; while (n > 3) n--; return n; }";
    assert.deepEqual(counts(loop, [1, 2, 3]), [1, 3, 3]);
    assert.deepEqual(
      counts("export function f(x) { switch (x) { case 1: return 5; default: return 6; } }", 1),
      [1, 1, 0],
    );
    assert.deepEqual(counts("export function f(x) { return x ? 1 : 2; }", 0), [1, 0, 1]);
    assert.deepEqual(counts("export function f(x) { return x && x.y ?.z; }", null), [1, 0]);
    assert.deepEqual(counts("export function f(x) { return [1, 2].map((y) => y + x); }", 1), [1, 2]);
    assert.deepEqual(counts("export function f(x = 5) { return x; }", undefined), [1, 1]);
  });

  test("keeps the lines, and finds the literals that code compares with", () => {
    const { source, texts, numbers } = instrument('const a = "magic";\nconst b: 7 = 0x1234 as never;\n', 3);
    assert.equal(source.split("\n").length, 3);
    assert.deepEqual([texts, numbers], [["magic"], [0x1234]]);
    assert.deepEqual(
      dictionaryOf(texts, [0x1234, 0x12345, 2 ** 33]).map((word) => Buffer.from(word).toString("hex")),
      ["6d61676963", "3412", "1234", "45230100", "00012345"],
    );
  });

  test("refuses what does not parse", () => {
    assert.throws(() => instrument("const = 1", 0), /Instrument module failed/);
  });
});

describe("mutate()", () => {
  test("gives the same inputs for the same seed, of bounded length, and leaves its own alone", () => {
    const seed = Uint8Array.from({ length: 40 }, (_, i) => i);
    const run = (): string[] => {
      const source = { random: new Random(7), dictionary: [utf8("word")], others: [utf8("another")], maxBytes: 64 };
      return Array.from({ length: 2000 }, () => Buffer.from(mutate(seed, source)).toString("hex"));
    };
    const inputs = run();
    assert.deepEqual(run(), inputs);
    assert.ok(new Set(inputs).size > 1500);
    assert.ok(inputs.every(({ length }) => length <= 128));
    assert.deepEqual(
      seed,
      Uint8Array.from({ length: 40 }, (_, i) => i),
    );
  });

  test("takes an empty input, and nothing to take material from", () => {
    const source = { random: new Random(1), dictionary: [], others: [], maxBytes: 64 };
    for (let i = 0; i < 500; i++) assert.ok(mutate(new Uint8Array(), source).length <= 64);
  });
});

describe("execute()", () => {
  const input = new Uint8Array(1);

  test("accepts an answer, and exactly the package's own error", () => {
    assert.equal(
      execute(
        targetOf(() => 1),
        input,
      ),
      undefined,
    );
    assert.equal(
      execute(
        targetOf(() => {
          throw new OwnError("own");
        }),
        input,
      ),
      undefined,
    );
  });

  test("finds errors of other classes, derived ones among them, and what is no error", () => {
    for (const [thrown, message] of [
      [new TypeError("no"), "TypeError: no"],
      [new OtherError("derived"), "OtherError: derived"],
      ["text", "string: text"],
    ] as const) {
      const finding = execute(
        targetOf(() => {
          throw thrown;
        }),
        input,
      );
      assert.deepEqual([finding?.kind, finding?.message], ["foreign exception", message]);
    }
  });

  test("finds what takes too long each time, and not what is slow once", () => {
    const spin = (ms: number): void => {
      const before = process.threadCpuUsage();
      for (;;) {
        const { user, system } = process.threadCpuUsage(before);
        if (user + system > ms * 1000) return;
      }
    };
    assert.equal(
      execute(
        targetOf(() => spin(210)),
        input,
      )?.kind,
      "slow",
    );
    let calls = 0;
    assert.equal(
      execute(
        targetOf(() => (calls++ === 0 ? spin(210) : undefined)),
        input,
      ),
      undefined,
    );
  });
});

describe("fuzz()", () => {
  test("reports each finding once, with an input that shows it", () => {
    const found: FoundInput[] = [];
    const target = targetOf((bytes) => {
      if (bytes.length > 3) throw new RangeError("long");
      throw new OwnError("short");
    });
    const run = { target, coverage: new Coverage(), inputs: [utf8("abc")], runs: 300, seed: 1, maxBytes: 100 };
    const result = fuzz({ ...run, onExecution: () => undefined, onFinding: (finding) => found.push(finding) });
    assert.deepEqual([result.executions, result.findings, found.length], [302, 1, 1]);
    assert.ok((found[0] as FoundInput).input.length > 3);
    const line = findingLine("test.target", found[0] as FoundInput) as { kind: string; message: string };
    assert.deepEqual([line.kind, line.message], ["foreign exception", "RangeError: long"]);
  });
});

describe("corpus", () => {
  test("minimise() keeps the fewest inputs that do all, and no long ones", () => {
    const [a, b, c] = [utf8("a"), utf8("bb"), utf8("ccc")];
    const long = new Uint8Array(CORPUS_LIMITS.bytes + 1);
    const kept = minimise([
      { bytes: long, features: [1, 2, 3, 4] },
      { bytes: c, features: [1, 2, 3] },
      { bytes: b, features: [1, 2] },
      { bytes: a, features: [5] },
    ]);
    assert.deepEqual(kept, [c, a]);
    const many = Array.from({ length: 80 }, (_, i) => ({ bytes: Uint8Array.of(i), features: [i] }));
    assert.equal(minimise(many).length, CORPUS_LIMITS.files);
  });

  test("writeCorpus() replaces what readCorpus() reads", () => {
    const folder = mkdtempSync(join(tmpdir(), "fuzz-corpus-"));
    try {
      assert.deepEqual(readCorpus("x", folder), []);
      writeCorpus("x", [utf8("one"), utf8("two")], folder);
      writeCorpus("x", [Uint8Array.of(13, 10)], folder);
      assert.deepEqual(readCorpus("x", folder), [Uint8Array.of(13, 10)]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
