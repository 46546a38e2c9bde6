import assert from "node:assert/strict";
import { test } from "node:test";
import { hex, utf8 } from "@constellation/bytes";
import { cborBytes, cborEntry, cborText, nsmResponse } from "../testing/cbor.ts";
import { refusal } from "../testing/refusal.ts";
import { attestationRequest, documentOf } from "./nsm-message.ts";

test("attestationRequest() is a map of the request with a nonce and no more", () => {
  const nonce = new Uint8Array(64).fill(0xab);
  const wanted = [
    `a16b${hex(utf8("Attestation"))}a3`,
    `69${hex(utf8("user_data"))}f6`,
    `65${hex(utf8("nonce"))}5840${"ab".repeat(64)}`,
    `6a${hex(utf8("public_key"))}f6`,
  ];
  assert.equal(hex(attestationRequest(nonce)), wanted.join(""));
});

test("documentOf() gives the document, whatever follows it in the buffer", () => {
  for (const size of [30, 255, 256, 5000]) {
    const document = new Uint8Array(size).fill(size);
    const buffer = Buffer.concat([nsmResponse(document), Buffer.alloc(100, 0xff)]);
    assert.deepEqual(documentOf(new Uint8Array(buffer)), document);
  }
});

test("documentOf() tells the module's own word", () => {
  const refused = refusal("device_failed", /got "InputTooLarge", wanted a document/);
  assert.throws(() => documentOf(cborEntry("Error", cborText("InputTooLarge"))), refused);
  assert.throws(
    () => documentOf(cborEntry("Error", cborBytes(new Uint8Array(30)))),
    refusal("device_failed", /another/),
  );
});

test("documentOf() refuses everything else", () => {
  const document = new Uint8Array(300);
  const unknown = [
    cborText("Attestation"),
    cborEntry("DescribeNSM", cborText("x")),
    cborEntry("Attestation", cborText("document")),
    cborEntry("Attestation", cborEntry("documents", cborBytes(document))),
    cborEntry("Attestation", cborEntry("document", cborText("x"))),
    cborEntry("a".repeat(24), cborText("x")),
    new Uint8Array(100).fill(0xff),
  ];
  for (const response of unknown) {
    assert.throws(() => documentOf(response), refusal("blob_malformed", /wanted an attestation document/));
  }
  const whole = nsmResponse(document);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => documentOf(whole.subarray(0, length)), refusal("blob_malformed"), `${length} bytes`);
  }
});
