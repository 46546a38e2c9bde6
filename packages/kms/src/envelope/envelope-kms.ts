import { createCipheriv, createDecipheriv } from "node:crypto";
import { concat, equalConstantTime, fromUtf8, hex, utf8 } from "@constellation/bytes";
import { Secret } from "@constellation/keys";
import { KmsError, quoted } from "../error.ts";
import type { KeyDescription, KeyManagementService, KeyWrapper, KmsKind, KmsStatus } from "../key-wrapper.ts";
import {
  ENVELOPE_LIMITS,
  type Envelope,
  envelopeHeader,
  formatEnvelope,
  NONCE_BYTES,
  parseEnvelope,
  TAG_BYTES,
} from "./format.ts";
import { formatWrappedKeyId, parseKeyContext } from "./key-context.ts";

/** Length of the key between KMS and secret. */
const CONTENT_KEY_BYTES = 32;

/** Random bytes: `randomBytes` of node:crypto. */
export type RandomBytes = (lengthBytes: number) => Uint8Array;

const CIPHER = "aes-256-gcm";
const PROBE = utf8("constellation/v1/probe");

/**
 * Any KMS as a `KeyManagementService`: the KMS wraps a content key that is made anew for each secret, and AES-256-GCM
 * under that key seals the secret together with the associated data. So the binding never depends on what a KMS can.
 */
export class EnvelopeKms implements KeyManagementService {
  readonly kind: KmsKind;
  readonly createKey?: (signal: AbortSignal) => Promise<string>;
  readonly #wrapper: KeyWrapper;
  readonly #random: RandomBytes;

  constructor(wrapper: KeyWrapper, random: RandomBytes) {
    this.kind = wrapper.kind;
    this.#wrapper = wrapper;
    this.#random = random;
    if (wrapper.createKey !== undefined) this.createKey = wrapper.createKey.bind(wrapper);
  }

  async wrap(plaintext: Secret, associatedData: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    requirePlaintext(plaintext);
    const contentKey = takeSecret(this.#random(CONTENT_KEY_BYTES));
    try {
      const { keyName, bytes } = await this.#wrapper.wrapKey(contentKey, associatedData, signal);
      const header = { kind: this.kind, associatedData, keyName, wrappedKey: bytes };
      const nonce = this.#random(NONCE_BYTES);
      const sealed = seal(contentKey, nonce, envelopeHeader(header), plaintext);
      return formatEnvelope({ ...header, nonce, sealed });
    } finally {
      contentKey.wipe();
    }
  }

  async unwrap(wrapped: Uint8Array, associatedData: Uint8Array, signal: AbortSignal): Promise<Secret> {
    const envelope = parseEnvelope(wrapped);
    requireContext(envelope.associatedData, associatedData);
    if (envelope.kind !== this.kind) {
      throw new KmsError("wrong_kms", `Unwrap key failed: got one of KMS "${envelope.kind}", wanted "${this.kind}"`);
    }
    const wrappedKey = { keyName: envelope.keyName, bytes: envelope.wrappedKey };
    const contentKey = await this.#wrapper.unwrapKey(wrappedKey, associatedData, signal);
    try {
      requireContentKey(contentKey);
      return open(contentKey, envelope);
    } finally {
      contentKey.wipe();
    }
  }

  async status(signal: AbortSignal): Promise<KmsStatus> {
    const errors: KmsError[] = [];
    const key = await noted(errors, signal, () => this.#wrapper.describeKey(signal));
    const probe = takeSecret(this.#random(CONTENT_KEY_BYTES));
    const wrapped = await noted(errors, signal, () => this.wrap(probe, PROBE, signal));
    const opened = wrapped && (await noted(errors, signal, () => this.unwrap(wrapped, PROBE, signal)));
    const mayUnwrap = opened?.equals(probe) ?? false;
    opened?.wipe();
    probe.wipe();
    const reachable = key !== undefined || wrapped !== undefined || errors.some(({ code }) => !UNREACHED.has(code));
    return { reachable, key: key ?? descriptionOf(errors), mayWrap: wrapped !== undefined, mayUnwrap, errors };
  }
}

const UNREACHED: ReadonlySet<string> = new Set([
  "kms_unreachable",
  "kms_untrusted",
  "kms_timeout",
  "credentials_unreadable",
]);

async function noted<T>(errors: KmsError[], signal: AbortSignal, run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof KmsError) || signal.aborted) throw error;
    if (!errors.some(({ code }) => code === error.code)) errors.push(error);
    return undefined;
  }
}

function descriptionOf(errors: readonly KmsError[]): KeyDescription {
  const codes = new Set(errors.map(({ code }) => code));
  const state = codes.has("kms_key_missing") ? "missing" : codes.has("kms_key_disabled") ? "disabled" : "unknown";
  return { state, kind: "" };
}

function seal(key: Secret, nonce: Uint8Array, header: Uint8Array, plaintext: Secret): Uint8Array {
  const cipher = createCipheriv(CIPHER, key.reveal(), nonce, { authTagLength: TAG_BYTES }).setAAD(header);
  return concat(cipher.update(plaintext.reveal()), cipher.final(), cipher.getAuthTag());
}

function open(key: Secret, envelope: Envelope): Secret {
  const { nonce, sealed } = envelope;
  const decipher = createDecipheriv(CIPHER, key.reveal(), nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(envelopeHeader(envelope)).setAuthTag(sealed.subarray(-TAG_BYTES));
  const plaintext = decipher.update(sealed.subarray(0, -TAG_BYTES));
  try {
    // NIST SP 800-38D, section 7.2: nothing of the plaintext counts before the tag does.
    decipher.final();
    return new Secret(plaintext);
  } catch (cause) {
    const message = "Unwrap key failed: got an envelope that was changed, wanted it as it was made";
    throw new KmsError("wrapped_key_corrupt", message, { cause });
  } finally {
    plaintext.fill(0);
  }
}

/** A swapped envelope is told apart from a damaged one before the KMS is asked. */
function requireContext(got: Uint8Array, wanted: Uint8Array): void {
  if (equalConstantTime(got, wanted)) return;
  const [gotContext, wantedContext] = [parseKeyContext(got), parseKeyContext(wanted)];
  if (gotContext === undefined || wantedContext === undefined) {
    const message = `Unwrap key failed: got one bound to ${shown(got)}, wanted ${shown(wanted)}`;
    throw new KmsError(wantedContext === undefined ? "wrong_key_id" : "wrapped_key_corrupt", message);
  }
  if (!equalConstantTime(gotContext.clusterId, wantedContext.clusterId)) {
    const clusters = `got one of cluster "${hex(gotContext.clusterId)}", wanted "${hex(wantedContext.clusterId)}"`;
    throw new KmsError("wrong_cluster", `Unwrap key failed: ${clusters}`);
  }
  const keys = `got key ${quoted(formatWrappedKeyId(gotContext.keyId))}, wanted ${quoted(formatWrappedKeyId(wantedContext.keyId))}`;
  throw new KmsError("wrong_key_id", `Unwrap key failed: ${keys}`);
}

function shown(associatedData: Uint8Array): string {
  try {
    return quoted(fromUtf8(associatedData));
  } catch {
    return `${associatedData.length} bytes`;
  }
}

function requirePlaintext({ lengthBytes }: Secret): void {
  if (lengthBytes >= 1 && lengthBytes <= ENVELOPE_LIMITS.plaintextBytes) return;
  const wanted = `"1" to "${ENVELOPE_LIMITS.plaintextBytes}"`;
  throw new KmsError("request_invalid", `Wrap key failed: got a secret of "${lengthBytes}" bytes, wanted ${wanted}`);
}

function requireContentKey({ lengthBytes }: Secret): void {
  if (lengthBytes === CONTENT_KEY_BYTES) return;
  const got = `a content key of "${lengthBytes}" bytes`;
  throw new KmsError("kms_answer", `Unwrap key failed: got ${got}, wanted "${CONTENT_KEY_BYTES}"`);
}

/** Random bytes as a secret, and the only copy of them. */
function takeSecret(bytes: Uint8Array): Secret {
  const secret = new Secret(bytes);
  bytes.fill(0);
  return secret;
}
