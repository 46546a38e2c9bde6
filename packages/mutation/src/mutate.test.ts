import assert from "node:assert/strict";
import { stripTypeScriptTypes } from "node:module";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";
import { mutate } from "./mutate.ts";
import { SWITCH_NAME } from "./walker.ts";

const WHOLE = "packages/x/src/verify-it.ts";

/** What the function `f` of a module gives for its arguments, with no mutant on and by mutation with each on. */
function outcomes(source: string, ...given: unknown[]): Record<string, unknown> {
  const { mutants, source: mutated } = mutate(WHOLE, `export ${source}`, 1);
  const script = `${stripTypeScriptTypes(mutated).replace("export ", "")}; f(...given);`;
  const run = (on: number): unknown => {
    try {
      return structuredClone(runInNewContext(script, { [SWITCH_NAME]: (n: number) => n === on, given }) as unknown);
    } catch (error) {
      return String(error);
    }
  };
  return { none: run(0), ...Object.fromEntries(mutants.map(({ mutation }, index) => [mutation, run(index + 1)])) };
}

function mutations(file: string, source: string): string[] {
  return mutate(file, source, 1).mutants.map((one) => `${one.line} ${one.function}: ${one.mutation}`);
}

describe("mutate()", () => {
  test("changes conditions, comparisons, numbers and statements", () => {
    assert.deepEqual(
      outcomes("function f(x: number): number { if (x > 5) throw new Error(`too much`); return x; }", 5),
      {
        none: 5,
        "body left out": undefined,
        "`x > 5` becomes `true`": "Error: too much",
        "`x > 5` becomes `false`": 5,
        "`x > 5` becomes `x >= 5`": "Error: too much",
        "`x > 5` becomes `x <= 5`": "Error: too much",
        "`5` becomes `6`": 5,
        "`5` becomes `4`": "Error: too much",
        "`throw new Error(`too much`);` left out": 5,
      },
    );
  });

  test("changes what a function returns that says yes or no", () => {
    assert.deepEqual(outcomes("function f(a: boolean, b: boolean): boolean { return a && !b; }", true, true), {
      none: false,
      "body left out": undefined,
      "`a && !b` becomes `true`": true,
      "`a && !b` becomes `false`": false,
      "`a && !b` becomes `a`": true,
      "`a && !b` becomes `!b`": false,
      "`a && !b` becomes `(a) || (!b)`": true,
      "`!b` becomes `b`": true,
    });
  });

  test("leaves elements of lists and whole filters out", () => {
    assert.deepEqual(outcomes("function f(all: number[]) { return [...all.filter(Boolean), `last`]; }", [0, 1]), {
      none: [1, "last"],
      "body left out": undefined,
      "list without `...all.filter(Boolean)`": ["last"],
      "list without ``last``": [1],
      "`all.filter(Boolean)` becomes `all`": [0, 1, "last"],
      '``last`` becomes `""`': [1, ""],
    });
  });

  test("keeps optional chains in one piece", () => {
    assert.deepEqual(outcomes("const f = (x?: { y?: { z: string } }) => x?.y?.z ?? false;"), {
      none: false,
      "`x?.y?.z ?? false` becomes `undefined`": undefined,
      "`x?.y?.z ?? false` becomes `x?.y?.z`": undefined,
      "`x?.y?.z ?? false` becomes `false`": false,
      "`x?.y?.z` becomes `x?.y.z`": false,
      "`x?.y?.z` becomes `x.y?.z`": "TypeError: Cannot read properties of undefined (reading 'y')",
      "`false` becomes `true`": true,
    });
  });

  test("takes what a predicate gives, and the condition of a check, for yes or no", () => {
    assert.deepEqual(mutations(WHOLE, "const a = b.some((c) => d(c));\nconst e = check(f, `g`, `h`, `i`, `j`);"), [
      "1 module: `b.some((c) => d(c))` becomes `b.every((c) => d(c))`",
      "1 module: `d(c)` becomes `true`",
      "1 module: `d(c)` becomes `false`",
      "2 module: `f` becomes `true`",
      "2 module: `f` becomes `false`",
      '2 module: ``g`` becomes `""`',
      '2 module: ``h`` becomes `""`',
    ]);
  });

  test("tells mutants of the same words apart by a number", () => {
    assert.deepEqual(mutations(WHOLE, "const a = [0n, 0n];"), [
      "1 module: list without `0n`",
      "1 module: list without `0n` (2)",
      "1 module: `0n` becomes `1n`",
      "1 module: `0n` becomes `1n` (2)",
    ]);
  });

  test("takes functions of other files by their names", () => {
    const source =
      "function other() { a(); }\nexport function verifyIt() {\n  b();\n}\nconst c = { validate() { d(); } };";
    assert.deepEqual(mutations("packages/x/src/it.ts", source), [
      "2 verifyIt: body left out",
      "3 verifyIt: `b();` left out",
      "5 validate: body left out",
      "5 validate: `d();` left out",
    ]);
  });

  test("leaves types, imports and text for people alone", () => {
    const source = `import a from "a";
      export type B = "b" | "c";
      const d = { got: "none", wanted: e ? "f" : "g", text: "of words", names: h.map(String).join(",") } satisfies B[];`;
    assert.deepEqual(mutations(WHOLE, source), []);
  });

  test("refuses what is no TypeScript", () => {
    assert.throws(() => mutate(WHOLE, "const", 1), /^Error: Mutate "packages\/x\/src\/verify-it\.ts" failed: /);
  });
});
