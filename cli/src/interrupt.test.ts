import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { listenForInterrupts, type SignalSource } from "./interrupt.ts";

test("listenForInterrupts() aborts at the first signal and ends the program at the second", () => {
  const exits: number[] = [];
  const said: string[] = [];
  const source = Object.assign(new EventEmitter(), { exit: (code: number) => void exits.push(code) }) as SignalSource;
  const { signal, stop } = listenForInterrupts(source, (text) => void said.push(text));
  const emitter = source as unknown as EventEmitter;
  emitter.emit("SIGINT");
  assert.equal(signal.aborted, true);
  assert.match(said.join(""), /Signal caught\. Press ctrl\+c again/);
  assert.deepEqual(exits, []);
  emitter.emit("SIGTERM");
  assert.deepEqual(exits, [130]);
  stop();
  assert.equal(emitter.listenerCount("SIGINT"), 0);
});
