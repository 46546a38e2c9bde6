import assert from "node:assert/strict";
import { test } from "node:test";
import { concat } from "@constellation/bytes";
import type { CborMap, CborValue } from "@constellation/cose";
import { encode } from "@constellation/cose/testing/cbor";
import { parseDocument } from "./attestation-document.ts";
import type { NitroErrorCode } from "./error.ts";
import { type Changes, FakeNitro, type FieldChanges, NOW, pcr } from "./testing/fake-nitro.ts";

const aws = new FakeNitro();
const parse = (changes: Changes = {}) => parseDocument(aws.evidence(changes).document).document;
const parseWith = (fields: FieldChanges) => parse({ fields });
const refuses = (code: NitroErrorCode, fields: FieldChanges, message = /./) =>
  assert.throws(() => parseWith(fields), { name: "NitroError", code, message });
const map = (...pairs: [CborValue, CborValue][]) => new Map(pairs) as CborMap;

test("parseDocument() reads all fields", () => {
  const bytes = Uint8Array.of(9);
  const document = parseWith({ public_key: bytes, user_data: bytes, nonce: bytes });
  assert.equal(document.kind, "enclave");
  assert.equal(document.moduleId, "i-1-enc1");
  assert.equal(document.timestampMs, NOW.getTime());
  assert.equal(document.digest, "SHA384");
  assert.deepEqual([...document.pcrs.keys()], [0, 1, 2, 3, 4]);
  assert.deepEqual(document.pcrs.get(2), pcr(3));
  assert.deepEqual(document.cabundle, aws.cabundle);
  assert.deepEqual([document.publicKey, document.userData, document.nonce], [bytes, bytes, bytes]);
});

test("parseDocument() takes a field that is left out, and null, for absent", () => {
  for (const absent of [null, undefined]) {
    const document = parseWith({ public_key: absent, user_data: absent, nonce: absent });
    assert.equal("publicKey" in document || "userData" in document || "nonce" in document, false);
  }
});

test("parseDocument() keeps user data and a nonce of no bytes", () => {
  const empty = new Uint8Array(0);
  const { userData, nonce } = parseWith({ user_data: empty, nonce: empty });
  assert.deepEqual([userData, nonce], [empty, empty]);
});

test("parseDocument() tells documents of NitroTPM by their registers, and refuses both kinds at once", () => {
  const document = parse({ kind: "nitrotpm" });
  assert.equal(document.kind, "nitrotpm");
  assert.deepEqual(document.pcrs.get(0), pcr(1));
  refuses("document_fields", { nitrotpm_pcrs: map([0n, pcr(1)]) }, /got field "pcrs"/);
});

test("parseDocument() refuses fields that are missing or unknown", () => {
  for (const field of ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"]) {
    refuses("document_fields", { [field]: undefined }, new RegExp(`no field "${field}"`));
  }
  refuses("document_fields", { more: null }, /got field "more"/);
  const payload = encode(map([1n, 2n]));
  assert.throws(() => parse({ payload }), { code: "document_fields", message: /got field "1"/ });
});

test("parseDocument() refuses a payload that is no map, or not of strict CBOR, or too long", () => {
  const withPayload = (payload: Uint8Array) => () => parse({ payload });
  assert.throws(withPayload(encode([])), { code: "document_value", message: /got document of another type/ });
  assert.throws(withPayload(concat(encode(map()), Uint8Array.of(0))), { code: "document_cbor_trailing" });
  assert.throws(withPayload(new Uint8Array(0)), { code: "document_value", message: /payload of "0" bytes/ });
  assert.throws(withPayload(new Uint8Array(16_385)), { code: "document_value", message: /payload of "16385" bytes/ });
});

test("parseDocument() refuses bytes that are no COSE_Sign1, and says where the fault is", () => {
  assert.throws(
    () => parseDocument(encode([])),
    (error: Error) => {
      assert.equal((error as { code?: string }).code, "document_sign1_structure");
      assert.equal((error.cause as { code?: string }).code, "sign1_structure");
      return true;
    },
  );
});

test("parseDocument() refuses values of other types", () => {
  const others: readonly [string, readonly CborValue[]][] = [
    ["module_id", [1n, null, pcr(1)]],
    ["digest", [1n, null]],
    ["timestamp", ["1", null]],
    ["pcrs", [[pcr(1)], null]],
    ["certificate", ["text", null]],
    ["cabundle", [pcr(1), null, map()]],
    ["public_key", ["text", 0n]],
    ["user_data", ["text", false]],
    ["nonce", ["text", []]],
  ];
  for (const [field, values] of others) {
    for (const value of values) refuses("document_value", { [field]: value }, new RegExp(`got ${field}`));
  }
});

test("parseDocument() refuses an empty module ID and other digests", () => {
  refuses("document_value", { module_id: "" }, /module_id/);
  for (const digest of ["SHA256", "sha384", ""]) refuses("document_value", { digest }, /digest/);
});

test("parseDocument() refuses times that no clock tells", () => {
  assert.equal(parseWith({ timestamp: 1n }).timestampMs, 1);
  assert.equal(parseWith({ timestamp: 8_640_000_000_000_000n }).timestampMs, 8_640_000_000_000_000);
  for (const timestamp of [0n, -1n, 8_640_000_000_000_001n, 2n ** 64n - 1n]) {
    refuses("document_value", { timestamp }, /timestamp/);
  }
});

test("parseDocument() refuses registers outside the specification", () => {
  const registers = (count: number) => new Map(Array.from({ length: count }, (_, index) => [BigInt(index), pcr(1)]));
  assert.equal(parseWith({ pcrs: registers(32) }).pcrs.size, 32);
  refuses("document_value", { pcrs: registers(33) }, /"33" registers/);
  refuses("document_value", { pcrs: map() }, /"0" registers/);
  for (const index of [-1n, 32n, "0"]) refuses("document_value", { pcrs: map([index, pcr(1)]) }, /index/);
  for (const value of [new Uint8Array(32), new Uint8Array(47), new Uint8Array(64), "text", null]) {
    refuses("document_value", { pcrs: map([3n, value]) }, /pcrs\.3/);
  }
});

test("parseDocument() refuses certificates and data of other sizes", () => {
  const bytes = (length: number) => new Uint8Array(length);
  for (const length of [0, 1025]) {
    refuses("document_value", { certificate: bytes(length) }, /certificate of/);
    refuses("document_value", { cabundle: [bytes(length)] }, /cabundle\.0/);
    refuses("document_value", { public_key: bytes(length) }, /public_key/);
  }
  refuses("document_value", { cabundle: ["text"] }, /cabundle\.0/);
  refuses("document_value", { cabundle: [] }, /"0" certificates/);
  refuses("document_value", { cabundle: Array.from({ length: 9 }, () => bytes(1)) }, /"9" certificates/);
  for (const field of ["user_data", "nonce"]) {
    parseWith({ [field]: bytes(1024) });
    refuses("document_value", { [field]: bytes(1025) }, new RegExp(field));
  }
});

test("parseDocument() lets through what is no fault of the input", () => {
  assert.throws(() => parseDocument(undefined as unknown as Uint8Array), TypeError);
});
