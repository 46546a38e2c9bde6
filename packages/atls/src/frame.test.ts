import assert from "node:assert/strict";
import { test } from "node:test";
import { concat } from "@constellation/bytes";
import fc from "fast-check";
import { type Frame, FrameReader, MAX_EVIDENCE_BYTES, MessageType, serializeFrame } from "./frame.ts";

const frames = fc.array(
  fc
    .tuple(
      fc.constantFrom(MessageType.hello, MessageType.evidence, MessageType.refused),
      fc.uint8Array({ maxLength: 300 }),
    )
    .map(([type, body]): Frame => ({ type, body })),
);

test("FrameReader.firstByte is the first of the bytes that wait", () => {
  const reader = new FrameReader();
  assert.equal(reader.firstByte, undefined);
  reader.push(Uint8Array.of(MessageType.accepted));
  assert.equal(reader.firstByte, MessageType.accepted);
});

test("FrameReader gives the messages that were sent, however the stream was cut", () => {
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sent, cuts) => {
      const stream = concat(...sent.map(serializeFrame), Uint8Array.of(MessageType.hello));
      const reader = new FrameReader();
      const got: Frame[] = [];
      for (let at = 0, turn = 0; at < stream.length; turn += 1) {
        const end = at + cuts[turn % cuts.length]!;
        reader.push(stream.subarray(at, end));
        for (let frame = reader.next(); frame !== undefined; frame = reader.next()) got.push(frame);
        at = end;
      }
      assert.deepEqual(got, sent);
      assert.deepEqual(reader.rest(), Uint8Array.of(MessageType.hello));
      assert.equal(reader.sizeBytes, 0);
    }),
    { numRuns: 100 },
  );
});

test("FrameReader refuses a length as soon as the header is there", () => {
  const reader = new FrameReader();
  reader.push(Uint8Array.of(MessageType.evidence, 0, 0x10, 0));
  assert.equal(reader.next(), undefined);
  reader.push(Uint8Array.of(1));
  assert.throws(() => reader.next(), { code: "oversized" });
});

test("serializeFrame() takes evidence of the greatest size and not one byte more", () => {
  const sized = (size: number): Frame => ({ type: MessageType.evidence, body: new Uint8Array(size) });
  assert.equal(serializeFrame(sized(MAX_EVIDENCE_BYTES)).length, MAX_EVIDENCE_BYTES + 5);
  assert.throws(() => serializeFrame(sized(MAX_EVIDENCE_BYTES + 1)), { code: "oversized" });
});
