import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedKeks } from "../testing/proxy.ts";
import {
  MULTIPART_HEADER,
  newObject,
  parseObjectHeader,
  type SingleHeader,
  unwrapObject,
  wrapObject,
} from "./object-header.ts";

const NAME = { bucket: "bucket", key: "a/key" };

/** A header that was made once: changes of the format show. KEK generation 2 is 32 bytes of 2. */
const VECTOR =
  "AQEAAtQb+egw3YaQpyt3O1C8zIwAAAAAABLWh0TUZmzhV+138uQLejJpnB59gy6ACdVZkc9eZ75Qi5k5f6SyRWY6kkDPXg1lUWtpDENyWyHYUXBMZk5OoQ==";

test("unwrapObject() opens its vector", async () => {
  const { objectKey, objectId, plainBytes } = await open(VECTOR);
  assert.equal(
    Buffer.from(objectKey.reveal()).toString("hex"),
    "d51e7ada84c52de6bf52bb4676fbd666858ef9847dbb32a9a813c05386b0b48a",
  );
  assert.equal(Buffer.from(objectId).toString("hex"), "d41bf9e830dd8690a72b773b50bccc8c");
  assert.equal(plainBytes, 1_234_567);
});

test("unwrapObject() gives back what wrapObject() wrapped, never in the same bytes", async () => {
  const object = newObject(77);
  const [one, two] = [await wrapped(object), await wrapped(object)];
  assert.notEqual(one, two);
  for (const text of [one, two]) {
    const { objectKey, plainBytes } = await open(text);
    assert.ok(objectKey.equals(object.objectKey));
    assert.equal(plainBytes, 77);
  }
});

test("unwrapObject() refuses every flipped byte", async () => {
  const bytes = Buffer.from(await wrapped(newObject(5)), "base64");
  for (let at = 0; at < bytes.length; at += 1) {
    for (const mask of [1, 0x80]) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= mask;
      await assert.rejects(
        async () => await open(changed.toString("base64")),
        (error: { code?: string }) =>
          ["version_unknown", "header_malformed", "kek_generation_unknown", "key_not_unwrapped"].includes(
            error.code ?? "",
          ),
        `byte ${at}`,
      );
    }
  }
});

test("unwrapObject() refuses an object under another name", async () => {
  const text = await wrapped(newObject(5));
  const header = parseObjectHeader(text) as SingleHeader;
  const others = [
    { bucket: "bucket2", key: "a/key" },
    { bucket: "bucket", key: "a/key2" },
    // The same letters, divided otherwise.
    { bucket: "bucketa", key: "/key" },
  ];
  for (const name of others) {
    await assert.rejects(unwrapObject(header, name, fixedKeks(2)), { code: "key_not_unwrapped" });
  }
});

test("unwrapObject() refuses a header of another cluster", async () => {
  const text = await wrapObject(newObject(5), NAME, fixedKeks(2));
  const foreign = { current: () => fixedKeks(2).current(), get: () => fixedKeks(9).get(9) };
  const header = parseObjectHeader(text) as SingleHeader;
  await assert.rejects(unwrapObject(header, NAME, foreign), { code: "key_not_unwrapped" });
});

test("unwrapObject() opens what was wrapped under an earlier KEK, and refuses a generation that never was", async () => {
  const object = newObject(5);
  const header = parseObjectHeader(await wrapObject(object, NAME, fixedKeks(1))) as SingleHeader;
  assert.ok((await unwrapObject(header, NAME, fixedKeks(7))).objectKey.equals(object.objectKey));
  const later = parseObjectHeader(await wrapObject(object, NAME, fixedKeks(3))) as SingleHeader;
  await assert.rejects(unwrapObject(later, NAME, fixedKeks(2)), { code: "kek_generation_unknown" });
});

test("parseObjectHeader() refuses what is no header", async () => {
  const good = await wrapped(newObject(5));
  for (const text of ["", "x", "AQ==", "AQE=", "AQIA", `${good}A`, `${good.slice(0, -4)}`, `${good} `, "AgI="]) {
    assert.throws(() => parseObjectHeader(text), { name: "FormatError" }, text);
  }
  assert.deepEqual(parseObjectHeader(MULTIPART_HEADER), { kind: "multipart" });
});

test("wrapObject() takes little of the metadata that S3 allows", async () => {
  assert.ok((await wrapped(newObject(2 ** 40))).length < 128);
});

function wrapped(object: ReturnType<typeof newObject>): Promise<string> {
  return wrapObject(object, NAME, fixedKeks(2));
}

async function open(text: string) {
  return await unwrapObject(parseObjectHeader(text) as SingleHeader, NAME, fixedKeks(2));
}
