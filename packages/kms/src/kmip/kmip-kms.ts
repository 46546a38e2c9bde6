import { concat } from "@constellation/bytes";
import { Secret } from "@constellation/keys";
import { NONCE_BYTES, TAG_BYTES } from "../envelope/format.ts";
import type { RandomBytes } from "../envelope/envelope-kms.ts";
import { isTransient, KmsError, quoted } from "../error.ts";
import type { Tools } from "../http/fetch.ts";
import { retried } from "../http/retry.ts";
import type { KeyDescription, KeyWrapper, WrappedKey } from "../key-wrapper.ts";
import {
  bytes,
  enumeration,
  type Fields,
  formatRequest,
  integer,
  type KmipVersion,
  nameOf,
  parseResponse,
  refuse,
  structure,
  text,
} from "./message.ts";
import { type OperationName, TAG, VALUE } from "./tags.ts";
import type { Ttlv } from "./ttlv.ts";

/** Sends a request and gives the answer, both whole messages. Throws KmsError. */
export type KmipExchange = (request: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;

/** Which key: the server's own identifier, or a name that exactly one key has. */
export type KmipKey =
  | { readonly by: "identifier"; readonly identifier: string }
  | { readonly by: "name"; readonly name: string };

/** A key of a KMIP server. */
export interface KmipOptions {
  readonly version: KmipVersion;
  readonly key: KmipKey;
  readonly exchange: KmipExchange;
}

const AES_256_BITS = 256;
const WRAP_MASK = VALUE.encryptMask | VALUE.decryptMask;
const PARAMETERS = structure(
  TAG.cryptographicParameters,
  enumeration(TAG.blockCipherMode, VALUE.gcm),
  enumeration(TAG.cryptographicAlgorithm, VALUE.aes),
  integer(TAG.tagLength, TAG_BYTES),
);

/**
 * Any server of KMIP 1.4 to 2.1 with the operations Encrypt and Decrypt (section 4.29 and 4.30): AES-GCM with the
 * context as additional data. A wrapped key is nonce, tag and ciphertext.
 */
export class KmipKms implements KeyWrapper {
  readonly kind = "kmip";
  readonly #options: KmipOptions;
  readonly #tools: Tools;
  readonly #random: RandomBytes;

  constructor(options: KmipOptions, tools: Tools, random: RandomBytes) {
    this.#options = options;
    this.#tools = tools;
    this.#random = random;
  }

  async wrapKey(key: Secret, context: Uint8Array, signal: AbortSignal): Promise<WrappedKey> {
    const identifier = await this.#identifier(signal);
    const nonce = this.#random(NONCE_BYTES);
    const answer = await this.#crypt("Encrypt", identifier, signal, [
      bytes(TAG.data, key.reveal()),
      bytes(TAG.ivCounterNonce, nonce),
      bytes(TAG.authenticatedEncryptionAdditionalData, context),
    ]);
    const [data, tag] = [answer.bytes(TAG.data), answer.bytes(TAG.authenticatedEncryptionTag)];
    if (data.length !== key.lengthBytes || tag.length !== TAG_BYTES) {
      throw refuse("Encrypt", `"${data.length}" and "${tag.length}" bytes`, `"${key.lengthBytes}" and "${TAG_BYTES}"`);
    }
    if (answer.has(TAG.ivCounterNonce) && !Buffer.from(nonce).equals(answer.bytes(TAG.ivCounterNonce))) {
      throw refuse("Encrypt", "another nonce", "the one that was sent");
    }
    return { keyName: identifier, bytes: concat(nonce, tag, data) };
  }

  async unwrapKey({ keyName, bytes: wrapped }: WrappedKey, context: Uint8Array, signal: AbortSignal): Promise<Secret> {
    const identifier = await this.#identifier(signal);
    if (keyName !== identifier) {
      throw new KmsError(
        "wrong_kms",
        `Decrypt over KMIP failed: got key ${quoted(keyName)}, wanted ${quoted(identifier)}`,
      );
    }
    if (wrapped.length <= NONCE_BYTES + TAG_BYTES) {
      throw new KmsError("wrapped_key_corrupt", `Decrypt over KMIP failed: got "${wrapped.length}" bytes, wanted more`);
    }
    const answer = await this.#crypt("Decrypt", identifier, signal, [
      bytes(TAG.data, wrapped.subarray(NONCE_BYTES + TAG_BYTES)),
      bytes(TAG.ivCounterNonce, wrapped.subarray(0, NONCE_BYTES)),
      bytes(TAG.authenticatedEncryptionAdditionalData, context),
      bytes(TAG.authenticatedEncryptionTag, wrapped.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)),
    ]);
    const plaintext = answer.bytes(TAG.data);
    const secret = new Secret(plaintext);
    plaintext.fill(0);
    return secret;
  }

  async describeKey(signal: AbortSignal): Promise<KeyDescription> {
    await this.#requireOperations(signal);
    const attributes = await this.#attributes(await this.#identifier(signal), signal);
    const { algorithm, lengthBits, usageMask, state } = attributes;
    if (algorithm !== VALUE.aes || lengthBits !== AES_256_BITS || (usageMask & WRAP_MASK) !== WRAP_MASK) {
      const got = `algorithm "${algorithm}", length "${lengthBits}", usage mask "${usageMask}"`;
      const wanted = `AES (${VALUE.aes}), "${AES_256_BITS}", Encrypt and Decrypt (${WRAP_MASK})`;
      throw new KmsError("kms_key_unfit", `Get Attributes over KMIP failed: got ${got}, wanted ${wanted}`);
    }
    return { state: state === VALUE.stateActive ? "enabled" : "disabled", kind: "AES-256" };
  }

  /**
   * Creates and activates a key, by its name where it was configured by one. Create is sent once: where only the answer
   * was lost, another would make a second key, and of two keys of one name none can be used.
   */
  async createKey(signal: AbortSignal): Promise<string> {
    const { key } = this.#options;
    const name = key.by === "name" ? key.name : undefined;
    const identifier = await this.#call("Create", this.#creation(name), signal, 1)
      .then((created) => created.text(TAG.uniqueIdentifier))
      .catch((error: unknown) => {
        throw leavesOpen(error) ? maybeCreated(error, name) : error;
      });
    await this.#call("Activate", [text(TAG.uniqueIdentifier, identifier)], signal);
    return identifier;
  }

  /** Deactivates and destroys the key, with all that it wrapped: for who gives a cluster up. */
  async destroyKey(signal: AbortSignal): Promise<void> {
    const identifier = text(TAG.uniqueIdentifier, await this.#identifier(signal));
    const reason = structure(TAG.revocationReason, enumeration(TAG.revocationReasonCode, VALUE.cessationOfOperation));
    await this.#call("Revoke", [identifier, reason], signal);
    await this.#call("Destroy", [identifier], signal);
  }

  get #isVersion2(): boolean {
    return this.#options.version.startsWith("2.");
  }

  #creation(name: string | undefined): Ttlv[] {
    const values: [string, Ttlv][] = [
      ["Cryptographic Algorithm", enumeration(TAG.cryptographicAlgorithm, VALUE.aes)],
      ["Cryptographic Length", integer(TAG.cryptographicLength, AES_256_BITS)],
      ["Cryptographic Usage Mask", integer(TAG.cryptographicUsageMask, WRAP_MASK)],
      ...(name === undefined ? [] : [["Name", nameItem(name)] as [string, Ttlv]]),
    ];
    const kind = enumeration(TAG.objectType, VALUE.symmetricKey);
    return this.#isVersion2
      ? [kind, structure(TAG.attributes, ...values.map(([, value]) => value))]
      : [kind, structure(TAG.templateAttribute, ...values.map(([label, value]) => attribute(label, value)))];
  }

  async #identifier(signal: AbortSignal): Promise<string> {
    const { key } = this.#options;
    if (key.by === "identifier") return key.identifier;
    const name = nameItem(key.name);
    const payload = this.#isVersion2 ? [structure(TAG.attributes, name)] : [attribute("Name", name)];
    const found = (await this.#call("Locate", payload, signal)).all(TAG.uniqueIdentifier);
    const [first] = found;
    if (found.length === 1 && first?.type === "text") return first.value;
    const got = `got "${found.length}" keys of name ${quoted(key.name)}, wanted one`;
    throw new KmsError(found.length === 0 ? "kms_key_missing" : "kms_key_unfit", `Locate over KMIP failed: ${got}`);
  }

  /** A server says what it refuses in its own way; whether the key is off, its state tells. */
  async #crypt(
    operation: "Encrypt" | "Decrypt",
    identifier: string,
    signal: AbortSignal,
    items: readonly Ttlv[],
  ): Promise<Fields> {
    try {
      const answer = await this.#call(
        operation,
        [text(TAG.uniqueIdentifier, identifier), PARAMETERS, ...items],
        signal,
      );
      const used = answer.text(TAG.uniqueIdentifier);
      if (used !== identifier) throw refuse(operation, `key ${quoted(used)}`, quoted(identifier));
      return answer;
    } catch (error) {
      if (error instanceof KmsError && error.code === "kms_denied")
        await this.#requireActive(operation, identifier, signal);
      throw error;
    }
  }

  async #requireActive(operation: OperationName, identifier: string, signal: AbortSignal): Promise<void> {
    const attributes = await this.#attributes(identifier, signal).catch(() => undefined);
    if (attributes === undefined || attributes.state === VALUE.stateActive) return;
    const message = `${nameOf(operation)} failed: got a key in state "${attributes.state}", wanted Active (${VALUE.stateActive})`;
    throw new KmsError("kms_key_disabled", message);
  }

  async #requireOperations(signal: AbortSignal): Promise<void> {
    const answer = await this.#call("Query", [enumeration(TAG.queryFunction, VALUE.queryOperations)], signal);
    const offered = new Set(answer.all(TAG.operation).map((item) => (item.type === "enumeration" ? item.value : 0)));
    if (offered.has(0x1f) && offered.has(0x20)) return;
    throw new KmsError(
      "kms_key_unfit",
      "Query over KMIP failed: got a server without Encrypt and Decrypt, wanted both",
    );
  }

  async #attributes(identifier: string, signal: AbortSignal): Promise<KeyAttributes> {
    const wanted: [string, number][] = [
      ["State", TAG.state],
      ["Cryptographic Algorithm", TAG.cryptographicAlgorithm],
      ["Cryptographic Length", TAG.cryptographicLength],
      ["Cryptographic Usage Mask", TAG.cryptographicUsageMask],
    ];
    const references = wanted.map(([name, tag]) =>
      this.#isVersion2 ? enumeration(TAG.attributeReference, tag) : text(TAG.attributeName, name),
    );
    const answer = await this.#call("Get Attributes", [text(TAG.uniqueIdentifier, identifier), ...references], signal);
    if (this.#isVersion2) {
      const fields = answer.structure(TAG.attributes);
      return {
        state: fields.enumeration(TAG.state),
        algorithm: fields.enumeration(TAG.cryptographicAlgorithm),
        lengthBits: fields.integer(TAG.cryptographicLength),
        usageMask: fields.integer(TAG.cryptographicUsageMask),
      };
    }
    const values = new Map<string, number>();
    for (const item of answer.all(TAG.attribute)) addValue(values, item);
    const [state = 0, algorithm = 0, lengthBits = 0, usageMask = 0] = wanted.map(([name]) => values.get(name));
    return { state, algorithm, lengthBits, usageMask };
  }

  #call(
    operation: OperationName,
    payload: readonly Ttlv[],
    signal: AbortSignal,
    maxAttempts = this.#tools.limits.maxAttempts,
  ): Promise<Fields> {
    const { version, exchange } = this.#options;
    const tools = { ...this.#tools, limits: { ...this.#tools.limits, maxAttempts } };
    return retried({ side: "kms", name: nameOf(operation) }, tools, signal, async (attempt) => {
      const request = formatRequest(version, operation, payload);
      try {
        return parseResponse(await exchange(request, attempt), version, operation);
      } finally {
        // It holds the content key.
        request.fill(0);
      }
    });
  }
}

interface KeyAttributes {
  readonly state: number;
  readonly algorithm: number;
  readonly lengthBits: number;
  readonly usageMask: number;
}

/** Whether an error says nothing of what the server did: no answer came, or none that can be read. */
function leavesOpen(error: unknown): error is KmsError {
  return (
    isTransient(error) || (error instanceof KmsError && (error.code === "kms_answer" || error.code === "cancelled"))
  );
}

function maybeCreated(cause: KmsError, name: string | undefined): KmsError {
  const { code, retryAfterMs } = cause;
  const which = name === undefined ? "without a name" : `of name ${quoted(name)}`;
  // Not just any key of the name: one that was there before may have wrapped something.
  const hint = `a key may have been made all the same: look in the KMIP server for a new one ${which} in state Pre-Active, and destroy that before you ask again`;
  const message = `${nameOf("Create")} failed: got no answer that names the key, wanted its identifier`;
  return new KmsError(code, message, { cause, retryAfterMs, hint });
}

function nameItem(name: string): Ttlv {
  return structure(TAG.name, text(TAG.nameValue, name), enumeration(TAG.nameType, VALUE.uninterpretedTextString));
}

/** An attribute as before KMIP 2.0: its name in words, and its value under a tag of all values. */
function attribute(label: string, value: Ttlv): Ttlv {
  return structure(TAG.attribute, text(TAG.attributeName, label), { ...value, tag: TAG.attributeValue });
}

function addValue(values: Map<string, number>, item: Ttlv): void {
  if (item.type !== "structure") return;
  const name = item.items.find(({ tag }) => tag === TAG.attributeName);
  const value = item.items.find(({ tag }) => tag === TAG.attributeValue);
  if (name?.type !== "text") return;
  if (value?.type === "enumeration" || value?.type === "integer") values.set(name.value, value.value);
}
