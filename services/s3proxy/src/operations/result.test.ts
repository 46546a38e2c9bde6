import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test, type TestContext } from "node:test";
import type { StoreResponse } from "../store/store.ts";
import { readResponse } from "./call.ts";
import { parseResult } from "./result.ts";

const MINUTE_MS = 60_000;
const CUT_OFF = { status: 503, code: "ServiceUnavailable" };

/** An answer that began, with timers that stand still until they are told otherwise. */
function begunAnswer(context: TestContext): PassThrough & StoreResponse {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const answer = new PassThrough();
  answer.write('<?xml version="1.0" encoding="UTF-8"?>\n ');
  return Object.assign(answer, { complete: false }) as unknown as PassThrough & StoreResponse;
}

/** Lets all that is due run; timers stand still meanwhile. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve));
}

test("parseResult() waits for a store that takes half an hour, while it sends a space now and then", async (context) => {
  const answer = begunAnswer(context);
  const result = parseResult(answer, "CopyObjectResult");
  for (let minutes = 0; minutes < 29; minutes += 1) {
    await settle();
    context.mock.timers.tick(MINUTE_MS);
    answer.write(" ");
  }
  answer.end("<CopyObjectResult><ETag>x</ETag></CopyObjectResult>");
  assert.equal((await result).name, "CopyObjectResult");
});

test("parseResult() waits no longer than that", async (context) => {
  const answer = begunAnswer(context);
  const result = assert.rejects(parseResult(answer, "CopyObjectResult"), CUT_OFF);
  await settle();
  context.mock.timers.tick(31 * MINUTE_MS);
  await result;
  assert.equal(answer.destroyed, true);
});

test("readResponse() gives up on an answer after two minutes with next to nothing", async (context) => {
  const answer = begunAnswer(context);
  const result = assert.rejects(readResponse(answer), CUT_OFF);
  await settle();
  context.mock.timers.tick(3 * MINUTE_MS);
  await result;
  assert.equal(answer.destroyed, true);
});
