import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { Secret } from "@constellation/keys";
import { KmsError, type KmsErrorCode } from "../error.ts";
import { impatientTools } from "../testing/test-tools.ts";
import { type KmipKey, KmipKms } from "./kmip-kms.ts";
import { bytes, enumeration, integer, structure, text } from "./message.ts";
import { OPERATION, TAG } from "./tags.ts";
import { formatTtlv, parseTtlv, type Ttlv } from "./ttlv.ts";

const { signal } = new AbortController();
const KEY = new Secret(new Uint8Array(32).fill(5));
const WRAPPED = { keyName: "7", bytes: new Uint8Array(60).fill(1) };
const IDENTIFIER = text(TAG.uniqueIdentifier, "7");
const SEALED = bytes(TAG.data, new Uint8Array(32));
const ENCRYPTION_TAG = bytes(TAG.authenticatedEncryptionTag, new Uint8Array(16));

/** An operation that the server carries out, and whose answer is lost. */
const LOST = "lost";
type Answers = Readonly<Record<number, readonly Ttlv[] | number | typeof LOST>>;

/** A server that gives these payloads, or fails for these reasons, by operation; with the requests that it saw. */
function kmsOf(
  answers: Answers,
  requests: Uint8Array[] = [],
  version: "1.4" | "2.1" = "1.4",
  key: KmipKey = { by: "identifier", identifier: "7" },
): KmipKms {
  const exchange = async (request: Uint8Array): Promise<Uint8Array> => {
    requests.push(request);
    const operation = operationOf(request);
    const answer = answers[operation] ?? 0x05;
    if (answer === LOST) throw new KmsError("kms_unreachable", "Test failed: got an end, wanted a message");
    const [major, minor] = version.split(".").map(Number) as [number, number];
    const parts = [integer(TAG.protocolVersionMajor, major), integer(TAG.protocolVersionMinor, minor)];
    const header = structure(TAG.responseHeader, structure(TAG.protocolVersion, ...parts), integer(TAG.batchCount, 1));
    const result =
      typeof answer === "number"
        ? [enumeration(TAG.resultStatus, 1), enumeration(TAG.resultReason, answer)]
        : [enumeration(TAG.resultStatus, 0), structure(TAG.responsePayload, ...answer)];
    const item = structure(TAG.batchItem, enumeration(TAG.operation, operation), ...result);
    return formatTtlv(structure(TAG.responseMessage, header, item));
  };
  const tools = impatientTools(() => Promise.reject(new Error("no fetch")));
  return new KmipKms({ version, key, exchange }, tools, randomBytes);
}

function operationOf(request: Uint8Array): number {
  const message = parseTtlv(request);
  const item = message.type === "structure" ? message.items.at(-1) : undefined;
  const operation = item?.type === "structure" ? item.items[0] : undefined;
  return operation?.type === "enumeration" ? operation.value : 0;
}

const coded = (code: KmsErrorCode) => (error: unknown) => error instanceof KmsError && error.code === code;

const LIES: readonly [string, readonly Ttlv[]][] = [
  ["another key", [text(TAG.uniqueIdentifier, "8"), SEALED, ENCRYPTION_TAG]],
  ["no key", [SEALED, ENCRYPTION_TAG]],
  ["ciphertext of another length", [IDENTIFIER, bytes(TAG.data, new Uint8Array(31)), ENCRYPTION_TAG]],
  ["no ciphertext", [IDENTIFIER, ENCRYPTION_TAG]],
  ["two ciphertexts", [IDENTIFIER, SEALED, SEALED, ENCRYPTION_TAG]],
  ["no tag", [IDENTIFIER, SEALED]],
  ["a short tag", [IDENTIFIER, SEALED, bytes(TAG.authenticatedEncryptionTag, new Uint8Array(4))]],
  ["another nonce", [IDENTIFIER, SEALED, ENCRYPTION_TAG, bytes(TAG.ivCounterNonce, new Uint8Array(12))]],
];
for (const [title, payload] of LIES) {
  test(`KmipKms refuses an answer to Encrypt with ${title}`, async () => {
    const kms = kmsOf({ [OPERATION.Encrypt]: payload });
    await assert.rejects(kms.wrapKey(KEY, utf8("x"), signal), coded("kms_answer"));
  });
}

test("KmipKms refuses an answer to Decrypt of another key, and wrapped keys of other names or lengths", async () => {
  const kms = kmsOf({ [OPERATION.Decrypt]: [text(TAG.uniqueIdentifier, "8"), SEALED] });
  await assert.rejects(kms.unwrapKey(WRAPPED, utf8("x"), signal), coded("kms_answer"));
  await assert.rejects(kms.unwrapKey({ ...WRAPPED, keyName: "8" }, utf8("x"), signal), coded("wrong_kms"));
  const short = { ...WRAPPED, bytes: new Uint8Array(28) };
  await assert.rejects(kms.unwrapKey(short, utf8("x"), signal), coded("wrapped_key_corrupt"));
});

test("KmipKms clears requests, which hold the content key", async () => {
  const requests: Uint8Array[] = [];
  const kms = kmsOf({ [OPERATION.Encrypt]: [IDENTIFIER, SEALED, ENCRYPTION_TAG] }, requests);
  await kms.wrapKey(KEY, utf8("x"), signal);
  assert.equal(requests.length, 1);
  assert.ok(requests.every((request) => request.every((byte) => byte === 0)));
});

const attribute = (name: string, value: Ttlv): Ttlv =>
  structure(TAG.attribute, text(TAG.attributeName, name), { ...value, tag: TAG.attributeValue });
const attributes = (state: number, algorithm = 3, length = 256, mask = 12): readonly Ttlv[] => [
  IDENTIFIER,
  attribute("State", enumeration(TAG.state, state)),
  attribute("Cryptographic Algorithm", enumeration(TAG.cryptographicAlgorithm, algorithm)),
  attribute("Cryptographic Length", integer(TAG.cryptographicLength, length)),
  attribute("Cryptographic Usage Mask", integer(TAG.cryptographicUsageMask, mask)),
];
const OPERATIONS = [0x1f, 0x20].map((operation) => enumeration(TAG.operation, operation));

test("KmipKms tells a key that is not active from one that it may not use", async () => {
  const denied = (state: number) =>
    kmsOf({ [OPERATION.Encrypt]: 0x0c, [OPERATION["Get Attributes"]]: attributes(state) });
  await assert.rejects(denied(3).wrapKey(KEY, utf8("x"), signal), coded("kms_key_disabled"));
  await assert.rejects(denied(2).wrapKey(KEY, utf8("x"), signal), coded("kms_denied"));
  await assert.rejects(kmsOf({ [OPERATION.Encrypt]: 0x0c }).wrapKey(KEY, utf8("x"), signal), coded("kms_denied"));
});

test("KmipKms describes a key, and refuses keys and servers that do not fit", async () => {
  const describe = (answers: Answers) => kmsOf({ [OPERATION.Query]: OPERATIONS, ...answers }).describeKey(signal);
  const get = OPERATION["Get Attributes"];
  assert.deepEqual(await describe({ [get]: attributes(2) }), { state: "enabled", kind: "AES-256" });
  assert.equal((await describe({ [get]: attributes(1) })).state, "disabled");
  for (const payload of [attributes(2, 2), attributes(2, 3, 128), attributes(2, 3, 256, 4), [IDENTIFIER]]) {
    await assert.rejects(describe({ [get]: payload }), coded("kms_key_unfit"));
  }
  await assert.rejects(describe({ [OPERATION.Query]: OPERATIONS.slice(1) }), coded("kms_key_unfit"));
});

test("KmipKms reads attributes as KMIP 2.1 gives them", async () => {
  const values = [
    enumeration(TAG.state, 2),
    enumeration(TAG.cryptographicAlgorithm, 3),
    integer(TAG.cryptographicLength, 256),
    integer(TAG.cryptographicUsageMask, 12),
  ];
  const get = [IDENTIFIER, structure(TAG.attributes, ...values)];
  const kms = kmsOf({ [OPERATION.Query]: OPERATIONS, [OPERATION["Get Attributes"]]: get }, [], "2.1");
  assert.equal((await kms.describeKey(signal)).state, "enabled");
});

test("KmipKms sends Create once though its answer is lost, and says where to look for the key", async () => {
  const NAMED: KmipKey = { by: "name", name: "kek" };
  const cases: readonly [Answers[number], KmsErrorCode][] = [
    [LOST, "kms_unreachable"],
    [0x3a, "kms_busy"],
    [[], "kms_answer"],
  ];
  for (const [answer, code] of cases) {
    const requests: Uint8Array[] = [];
    const created = kmsOf({ [OPERATION.Create]: answer }, requests, "1.4", NAMED).createKey(signal);
    await assert.rejects(created, (error) => {
      assert.ok(coded(code)(error) && error instanceof KmsError && error.cause instanceof KmsError);
      assert.match(error.hint, /may have been made .* of name "kek" in state Pre-Active, and destroy that/);
      return true;
    });
    assert.equal(requests.length, 1);
  }
  const byIdentifier = kmsOf({ [OPERATION.Create]: LOST }).createKey(signal);
  await assert.rejects(byIdentifier, { code: "kms_unreachable", hint: /a new one without a name/ });
});

test("KmipKms tells a Create that was refused as it is, and asks again for Activate", async () => {
  await assert.rejects(kmsOf({ [OPERATION.Create]: 0x0c }).createKey(signal), {
    code: "kms_denied",
    message: /^Create over KMIP failed: got result "1" for reason "0xc"/,
    hint: /check the credentials/,
  });
  const requests: Uint8Array[] = [];
  const answers = { [OPERATION.Create]: [IDENTIFIER], [OPERATION.Activate]: LOST } as const;
  await assert.rejects(kmsOf(answers, requests).createKey(signal), coded("kms_unreachable"));
  assert.equal(requests.length, 3);
});

test("KmipKms gives the identifier of the key that it created", async () => {
  const answers = { [OPERATION.Create]: [IDENTIFIER], [OPERATION.Activate]: [IDENTIFIER] } as const;
  assert.equal(await kmsOf(answers).createKey(signal), "7");
});
