import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { Secret } from "@constellation/keys";
import { KmsError, type KmsErrorCode } from "../error.ts";
import type { KeyWrapper, WrappedKey } from "../key-wrapper.ts";
import { EnvelopeKms } from "./envelope-kms.ts";
import { formatEnvelope, parseEnvelope } from "./format.ts";

const { signal } = new AbortController();
const DATA = utf8("constellation/v1/probe");
const coded = (code: KmsErrorCode) => (error: unknown) => error instanceof KmsError && error.code === code;

/** A KMS that wraps nothing, keeps what it was given, and fails where told. */
class PlainWrapper implements KeyWrapper {
  readonly kind = "aws";
  readonly seen: Secret[] = [];
  keyName = "key";
  failure: KmsError | undefined;
  described: KmsError | undefined;

  async wrapKey(key: Secret): Promise<WrappedKey> {
    this.seen.push(key);
    if (this.failure !== undefined) throw this.failure;
    return { keyName: this.keyName, bytes: Uint8Array.from(key.reveal()) };
  }

  async unwrapKey({ bytes }: WrappedKey): Promise<Secret> {
    if (this.failure !== undefined) throw this.failure;
    const key = new Secret(bytes);
    this.seen.push(key);
    return key;
  }

  async describeKey(): Promise<{ state: "enabled"; kind: string }> {
    if (this.described !== undefined) throw this.described;
    return { state: "enabled", kind: "plain" };
  }
}

const isWiped = (secret: Secret): boolean => secret.reveal().every((byte) => byte === 0);

test("EnvelopeKms wipes content keys, also where something fails", async () => {
  const wrapper = new PlainWrapper();
  const made: Uint8Array[] = [];
  const random = (length: number): Uint8Array => {
    const bytes = randomBytes(length);
    if (length === 32) made.push(bytes);
    return bytes;
  };
  const kms = new EnvelopeKms(wrapper, random);
  const wrapped = await kms.wrap(new Secret(Uint8Array.of(1)), DATA, signal);
  await kms.unwrap(wrapped, DATA, signal);
  const changed = Uint8Array.from(wrapped);
  changed[wrapped.length - 1] = (wrapped.at(-1) as number) ^ 1;
  await assert.rejects(kms.unwrap(changed, DATA, signal), coded("wrapped_key_corrupt"));
  wrapper.failure = new KmsError("kms_denied", "no");
  await assert.rejects(kms.wrap(new Secret(Uint8Array.of(1)), DATA, signal), coded("kms_denied"));
  assert.equal(wrapper.seen.length, 4);
  assert.ok(wrapper.seen.every(isWiped));
  assert.ok(made.every((bytes) => bytes.every((byte) => byte === 0)));
});

test("EnvelopeKms refuses a key name that is none, of a KMS that lies", async () => {
  const wrapper = new PlainWrapper();
  for (const name of ["", "a b", "a\n", "x".repeat(513)]) {
    wrapper.keyName = name;
    const wrapped = new EnvelopeKms(wrapper, randomBytes).wrap(new Secret(Uint8Array.of(1)), DATA, signal);
    await assert.rejects(wrapped, coded("kms_answer"), name);
  }
});

test("EnvelopeKms refuses what another kind of KMS wrapped before it asks", async () => {
  const wrapper = new PlainWrapper();
  const kms = new EnvelopeKms(wrapper, randomBytes);
  const wrapped = await kms.wrap(new Secret(Uint8Array.of(1)), DATA, signal);
  const other = formatEnvelope({ ...parseEnvelope(wrapped), kind: "gcp" });
  await assert.rejects(kms.unwrap(other, DATA, signal), coded("wrong_kms"));
  assert.equal(wrapper.seen.length, 1);
});

test("status() says what it could not find out, and does not throw", async () => {
  const wrapper = new PlainWrapper();
  const kms = new EnvelopeKms(wrapper, randomBytes);
  wrapper.described = new KmsError("kms_denied", "may not describe");
  const partly = await kms.status(signal);
  assert.deepEqual(
    [partly.reachable, partly.key.state, partly.mayWrap, partly.mayUnwrap, partly.errors.map(({ code }) => code)],
    [true, "unknown", true, true, ["kms_denied"]],
  );
  wrapper.described = new KmsError("kms_unreachable", "away");
  wrapper.failure = wrapper.described;
  const away = await kms.status(signal);
  assert.deepEqual([away.reachable, away.mayWrap, away.errors.length], [false, false, 1]);
});
