import assert from "node:assert/strict";
import { test } from "node:test";
import { describeLoad, parseProcessorTimes, ProcessorLoad } from "./processor-load.ts";

const BEFORE = "cpu  100 20 30 400 50 6 7 8 99 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
const AFTER = "cpu  150 20 40 420 60 6 7 18 99 9\n";

test("parseProcessorTimes() takes all processors together, and time of guests once", () => {
  assert.deepEqual(parseProcessorTimes(BEFORE), { all: 621, idle: 450, stolen: 8 });
});

test("describeLoad() tells what was used, and what the host took away", () => {
  const [before, after] = [parseProcessorTimes(BEFORE), parseProcessorTimes(AFTER)];
  assert.equal(describeLoad(before, after), "processors 70 % busy, 10 % of the time taken by their host");
  assert.equal(describeLoad(after, after), "processors not measured");
});

test("ProcessorLoad.describe() measures this computer", () => {
  const load = new ProcessorLoad();
  const end = performance.now() + 200;
  while (performance.now() < end);
  assert.match(load.describe(), /^processors [1-9]\d* % busy, \d+ % of the time taken by their host$/);
});
