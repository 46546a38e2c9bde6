import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { concat, fromHex, hex } from "@constellation/bytes";
import { importSpki } from "@constellation/crypto";
import {
  algorithmIdentifier,
  type CborMap,
  type CborValue,
  type CoseErrorCode,
  HEADER,
  parseSign1,
  verifySign1,
} from "./index.ts";
import { encode } from "./testing/cbor.ts";
import { issueSign1, PAYLOAD, type Sign1Parts } from "./testing/sign1-writer.ts";

const importKey = (publicKey: KeyObject) =>
  importSpki(new Uint8Array(publicKey.export({ type: "spki", format: "der" })));
const pair = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve });

const p384 = pair("P-384");
const p256 = pair("P-256");
const key = importKey(p384.publicKey);
const issue = (parts: Partial<Sign1Parts> = {}) => issueSign1(p384.privateKey, { payload: PAYLOAD, ...parts });
const refuses = (code: CoseErrorCode, bytes: Uint8Array, message = /./) =>
  assert.throws(() => parseSign1(bytes), { name: "CoseError", code, message });

const ES384: CborMap = new Map([[1n, -35n]]);
const EMPTY: CborMap = new Map();

test("parseSign1() reads the four members, tagged or not", () => {
  for (const bytes of [issue(), issue({ tagged: true })]) {
    const message = parseSign1(bytes);
    assert.equal(hex(message.protected), "a1013822");
    assert.deepEqual(message.protectedHeader, ES384);
    assert.deepEqual(message.unprotectedHeader, EMPTY);
    assert.deepEqual(message.payload, PAYLOAD);
    assert.equal(message.signature.length, 96);
    assert.equal(verifySign1(message, "ES384", key), true);
  }
});

test("parseSign1() takes no bytes and an empty map for a protected bucket without parameters", () => {
  for (const bucket of [new Uint8Array(0), encode(EMPTY)]) {
    const message = parseSign1(issue({ protected: bucket }));
    assert.deepEqual(message.protectedHeader, EMPTY);
    assert.equal(verifySign1(message, "ES384", key), false);
  }
});

test("parseSign1() refuses other structures", () => {
  const good: CborValue[] = [encode(ES384), EMPTY, PAYLOAD, new Uint8Array(96)];
  const other = (index: number, value: CborValue) => encode(good.with(index, value));
  refuses("sign1_structure", encode(EMPTY), /COSE_Sign1/);
  refuses("sign1_structure", encode(null), /COSE_Sign1/);
  refuses("sign1_structure", encode("four"), /COSE_Sign1/);
  refuses("sign1_structure", encode(good.slice(0, 3)), /COSE_Sign1/);
  refuses("sign1_structure", encode([...good, null]), /COSE_Sign1/);
  refuses("sign1_structure", other(0, ES384), /protected/);
  refuses("sign1_structure", other(0, encode([])), /protected.*a map inside/);
  refuses("sign1_structure", other(1, encode(EMPTY)), /unprotected/);
  refuses("sign1_structure", other(1, []), /unprotected/);
  refuses("sign1_structure", other(2, null), /payload/);
  refuses("sign1_structure", other(3, "signature"), /signature/);
});

test("parseSign1() refuses what is not strict CBOR, in the protected bucket too", () => {
  refuses("cbor_truncated", new Uint8Array(0));
  refuses("cbor_truncated", issue().subarray(0, -1));
  refuses("cbor_trailing", concat(issue(), Uint8Array.of(0)));
  refuses("cbor_unsupported", concat(Uint8Array.of(0xd2), issue({ tagged: true })));
  refuses("cbor_unsupported", concat(Uint8Array.of(0xd8, 0x12), issue()));
  refuses("cbor_duplicate_key", issue({ protected: fromHex("a2 01 3822 01 3822".replaceAll(" ", "")) }));
  refuses("cbor_trailing", issue({ protected: fromHex("a101382200") }));
  refuses("cbor_head", issue({ protected: fromHex("a101390022") }));
});

test("parseSign1() refuses a parameter in both buckets, critical parameters and an unprotected algorithm", () => {
  const both = encode(
    new Map<bigint, CborValue>([
      [1n, -35n],
      [4n, PAYLOAD],
    ]),
  );
  refuses("sign1_header", issue({ protected: both, unprotected: new Map([[4n, PAYLOAD]]) }), /"4" in both/);
  const hidden = new Map<string, CborValue>([["\u001b", PAYLOAD]]) as unknown as CborMap;
  refuses("sign1_header", issue({ protected: encode(hidden), unprotected: hidden }), /"\\u001b" in both/);
  const critical = new Map<bigint, CborValue>([
    [1n, -35n],
    [2n, [1n]],
  ]);
  refuses("sign1_header", issue({ protected: encode(critical) }), /critical/);
  refuses("sign1_header", issue({ unprotected: new Map([[HEADER.CRIT, [1n]]]) }), /critical/);
  refuses("sign1_header", issue({ protected: encode(EMPTY), unprotected: ES384 }), /unprotected algorithm/);
});

test("verifySign1() accepts ES256 and ES384 with the curve of each", () => {
  assert.equal(algorithmIdentifier("ES256"), -7n);
  assert.equal(algorithmIdentifier("ES384"), -35n);
  const bytes = issueSign1(p256.privateKey, {
    payload: PAYLOAD,
    protected: encode(new Map([[1n, -7n]])),
    hash: "sha256",
  });
  assert.equal(verifySign1(parseSign1(bytes), "ES256", importKey(p256.publicKey)), true);
});

test("verifySign1() refuses an algorithm other than the protected one", () => {
  for (const protectedHeader of [new Map([[1n, -7n]]), new Map([[1n, "ES384"]]), new Map([[3n, -35n]])]) {
    const message = parseSign1(issue({ protected: encode(protectedHeader as CborMap) }));
    assert.equal(verifySign1(message, "ES384", key), false);
  }
  assert.equal(verifySign1(parseSign1(issue()), "ES256", key), false);
});

test("verifySign1() refuses keys of another kind or on another curve", () => {
  const message = parseSign1(issue());
  assert.equal(verifySign1(message, "ES384", importKey(p256.publicKey)), false);
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  assert.equal(verifySign1(message, "ES384", importKey(rsa.publicKey)), false);
  const onP256 = issueSign1(p256.privateKey, { payload: PAYLOAD });
  assert.equal(verifySign1(parseSign1(onP256), "ES384", importKey(p256.publicKey)), false);
});

test("verifySign1() refuses another key, payload, protected bucket or signature", () => {
  const message = parseSign1(issue());
  assert.equal(verifySign1(message, "ES384", importKey(pair("P-384").publicKey)), false);
  assert.equal(verifySign1({ ...message, payload: concat(PAYLOAD, PAYLOAD) }, "ES384", key), false);
  assert.equal(verifySign1({ ...message, protected: fromHex("a101382220") }, "ES384", key), false);
  assert.equal(verifySign1({ ...message, signature: message.signature.subarray(1) }, "ES384", key), false);
});

test("verifySign1() signs over long payloads as encoded", () => {
  for (const length of [23, 24, 255, 256, 60_000]) {
    assert.equal(verifySign1(parseSign1(issue({ payload: new Uint8Array(length) })), "ES384", key), true);
  }
});

test("parseSign1() and verifySign1() refuse each single changed byte of a message", () => {
  const bytes = issue();
  for (let index = 0; index < bytes.length; index++) {
    for (const flip of [0x01, 0x80]) {
      const changed = Uint8Array.from(bytes);
      changed[index] = (bytes[index] as number) ^ flip;
      try {
        assert.equal(verifySign1(parseSign1(changed), "ES384", key), false, `byte ${index}`);
      } catch (error) {
        assert.equal((error as Error).name, "CoseError", `byte ${index}`);
      }
    }
  }
});
