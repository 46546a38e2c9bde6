import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeFrame, FrameDecoder, FrameStreamError, MAX_FRAME_BYTES } from "./frame-stream.ts";

const frames = [Uint8Array.of(1), Uint8Array.of(2, 3, 4), new Uint8Array(1514).fill(9)];

test("FrameDecoder gives the same frames however the bytes are cut", () => {
  const stream = Buffer.concat(frames.map(encodeFrame));
  for (const size of [1, 2, 3, 5, 7, 100, stream.length]) {
    const decoder = new FrameDecoder();
    const got: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += size) got.push(...decoder.push(stream.subarray(at, at + size)));
    assert.deepEqual(
      got.map((f) => [...f]),
      frames.map((f) => [...f]),
    );
  }
});

test("FrameDecoder refuses a length of zero and one above the bound", () => {
  for (const length of [0, MAX_FRAME_BYTES + 1, 0xffffffff]) {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(length);
    assert.throws(() => new FrameDecoder().push(header), FrameStreamError);
  }
});
