import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { CORPUS_FOLDER, CORPUS_LIMITS, inputName, readCorpus } from "./corpus.ts";
import { execute } from "./execute.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";
import { allTargets } from "./targets/index.ts";
import { TARGET_NAMES } from "./targets/names.ts";
import { Vectors } from "./vectors.ts";

const MUTATIONS = 500;
/** Judging verifies signatures, which takes a thousand times as long as parsing. */
const MUTATIONS_OF_JUDGES = 1;
const MAX_INPUT_BYTES = 1 << 16;
const SEED = 1;

const vectors = new Vectors();
const targets = await allTargets();

describe("corpora", () => {
  test("are of targets that there are, small, and named by their digests", () => {
    for (const target of readdirSync(CORPUS_FOLDER)) {
      assert.ok(
        TARGET_NAMES.some((name) => name === target),
        target,
      );
      const names = readdirSync(join(CORPUS_FOLDER, target));
      assert.ok(names.length <= CORPUS_LIMITS.files, target);
      for (const name of names) {
        const path = join(CORPUS_FOLDER, target, name);
        assert.ok(statSync(path).size <= CORPUS_LIMITS.bytes, path);
        assert.equal(inputName(new Uint8Array(readFileSync(path))), name);
      }
    }
  });

  test("names of targets are listed", () => {
    assert.deepEqual(targets.map(({ name }) => name).sort(), [...TARGET_NAMES]);
  });
});

describe("parsers throw nothing but their own errors, and answer soon", () => {
  for (const target of targets) {
    const isJudge = target.name.startsWith("evidence.judge-");
    test(`${target.name} on its corpus and on changed seeds`, () => {
      const random = new Random(SEED);
      const seeds = target.seeds(vectors);
      const corpus = readCorpus(target.name);
      for (const input of [...seeds, ...corpus]) assert.equal(execute(target, input), undefined, inputName(input));
      const source = { random, dictionary: [], others: [...seeds, ...corpus], maxBytes: MAX_INPUT_BYTES };
      for (const seed of seeds) {
        for (let i = 0; i < (isJudge ? MUTATIONS_OF_JUDGES : MUTATIONS); i++) {
          const input = mutate(seed, source);
          assert.equal(execute(target, input), undefined, Buffer.from(input).toString("base64"));
        }
      }
    });
  }
});
