import assert from "node:assert/strict";
import { test } from "node:test";
import { Attempts } from "./attempts.ts";
import { JoinError } from "./errors.ts";

const coded = (code: string) => (error: unknown) => error instanceof JoinError && error.code === code;
const nothing = () => Promise.resolve();

test("Attempts.run() refuses one node that asks too often, until the window is over", async () => {
  const attempts = new Attempts({ maxConcurrent: 9, maxPerWindow: 2, windowMs: 1_000 });
  await attempts.run("a", 0, nothing);
  await attempts.run("a", 10, nothing);
  await assert.rejects(attempts.run("a", 20, nothing), coded("too_many_attempts"));
  await attempts.run("b", 20, nothing);
  await assert.rejects(attempts.run("a", 999, nothing), coded("too_many_attempts"));
  await attempts.run("a", 1_000, nothing);
});

test("Attempts.run() counts failed requests too", async () => {
  const attempts = new Attempts({ maxConcurrent: 9, maxPerWindow: 1, windowMs: 1_000 });
  await assert.rejects(
    attempts.run("a", 0, () => Promise.reject(new Error("no"))),
    /no/,
  );
  await assert.rejects(attempts.run("a", 1, nothing), coded("too_many_attempts"));
});

test("Attempts.run() bounds how many run at once, and makes room again after success and failure", async () => {
  const attempts = new Attempts({ maxConcurrent: 2, maxPerWindow: 99, windowMs: 1_000 });
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  const running = [attempts.run("a", 0, () => first.promise), attempts.run("b", 0, () => second.promise)];
  await assert.rejects(attempts.run("c", 0, nothing), coded("busy"));
  first.resolve();
  await running[0];
  await attempts.run("c", 0, nothing);
  second.reject(new Error("no"));
  await assert.rejects(running[1] ?? nothing());
  await attempts.run("c", 0, nothing);
});
