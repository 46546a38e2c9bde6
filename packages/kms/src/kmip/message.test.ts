import assert from "node:assert/strict";
import { test } from "node:test";
import { KmsError, type KmsErrorCode } from "../error.ts";
import { enumeration, formatRequest, integer, parseResponse, structure, text } from "./message.ts";
import { OPERATION, TAG } from "./tags.ts";
import { formatTtlv, parseTtlv, type Ttlv } from "./ttlv.ts";

const PAYLOAD = structure(TAG.responsePayload, text(TAG.uniqueIdentifier, "1"));
const version = (major: number, minor: number): Ttlv =>
  structure(TAG.protocolVersion, integer(TAG.protocolVersionMajor, major), integer(TAG.protocolVersionMinor, minor));
const header = (...items: readonly Ttlv[]): Ttlv => structure(TAG.responseHeader, ...items);
const GOOD_HEADER = header(version(1, 4), integer(TAG.batchCount, 1));
const item = (...items: readonly Ttlv[]): Ttlv => structure(TAG.batchItem, ...items);
const OK = enumeration(TAG.resultStatus, 0);
const GET = enumeration(TAG.operation, OPERATION["Get Attributes"]);
const message = (...items: readonly Ttlv[]): Uint8Array => formatTtlv(structure(TAG.responseMessage, ...items));
const parse = (bytes: Uint8Array) => parseResponse(bytes, "1.4", "Get Attributes");
const coded = (code: KmsErrorCode) => (error: unknown) => error instanceof KmsError && error.code === code;

test("parseResponse() gives the payload of the one result", () => {
  assert.equal(parse(message(GOOD_HEADER, item(GET, OK, PAYLOAD))).text(TAG.uniqueIdentifier), "1");
});

test("formatRequest() gives a message with one operation and the version", () => {
  const request = parseTtlv(formatRequest("2.1", "Encrypt", [text(TAG.uniqueIdentifier, "1")]));
  assert.equal(request.tag, TAG.requestMessage);
  assert.ok(request.type === "structure");
  const [first, second] = request.items;
  assert.ok(first?.type === "structure" && second?.type === "structure");
  assert.deepEqual(first.items[0], version(2, 1));
  assert.deepEqual(second.items[0], enumeration(TAG.operation, 0x1f));
});

const REFUSED: readonly [string, Uint8Array][] = [
  ["a request", formatTtlv(structure(TAG.requestMessage, GOOD_HEADER, item(GET, OK, PAYLOAD)))],
  ["another version", message(header(version(1, 2), integer(TAG.batchCount, 1)), item(GET, OK, PAYLOAD))],
  ["no header", message(item(GET, OK, PAYLOAD))],
  ["two headers", message(GOOD_HEADER, GOOD_HEADER, item(GET, OK, PAYLOAD))],
  ["two results", message(GOOD_HEADER, item(GET, OK, PAYLOAD), item(GET, OK, PAYLOAD))],
  ["another count", message(header(version(1, 4), integer(TAG.batchCount, 2)), item(GET, OK, PAYLOAD))],
  ["another operation", message(GOOD_HEADER, item(enumeration(TAG.operation, 0x1f), OK, PAYLOAD))],
  ["no operation", message(GOOD_HEADER, item(OK, PAYLOAD))],
  ["no payload", message(GOOD_HEADER, item(GET, OK))],
  ["a status of another type", message(GOOD_HEADER, item(GET, integer(TAG.resultStatus, 0), PAYLOAD))],
  ["a result that is pending", message(GOOD_HEADER, item(GET, enumeration(TAG.resultStatus, 2), PAYLOAD))],
];
for (const [title, bytes] of REFUSED) {
  test(`parseResponse() refuses ${title}`, () => {
    assert.throws(() => parse(bytes), coded("kms_answer"));
  });
}

const REASONS: readonly [number, KmsErrorCode][] = [
  [0x01, "kms_key_missing"],
  [0x0a, "wrapped_key_corrupt"],
  [0x0c, "kms_denied"],
  [0x100, "kms_answer"],
];
for (const [reason, code] of REASONS) {
  test(`parseResponse() tells result reason ${reason} as ${code}, in the server's words`, () => {
    const failed = enumeration(TAG.resultStatus, 1);
    const words = text(TAG.resultMessage, "words\nof the server");
    const bytes = message(GOOD_HEADER, item(failed, enumeration(TAG.resultReason, reason), words));
    assert.throws(
      () => parse(bytes),
      (error) => coded(code)(error) && (error as Error).message.includes("words\\nof"),
    );
  });
}
