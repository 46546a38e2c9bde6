import { base64, BytesError, fromUtf8, utf8 } from "@constellation/bytes";
import { isObject, type JsonObject } from "@constellation/json";
import type { Secret } from "@constellation/keys";
import { KmsError, quoted } from "../error.ts";
import { answerError, call, jsonOf, textOf } from "../http/call.ts";
import { secretMember } from "../http/encoded.ts";
import type { Tools } from "../http/fetch.ts";
import type { Operation } from "../http/retry.ts";
import { revealText } from "../http/text-secret.ts";
import type { TokenSource } from "../http/token-source.ts";
import type { KeyDescription, KeyWrapper, WrappedKey } from "../key-wrapper.ts";
import { vaultError } from "./vault-error.ts";
import type { VaultAddress } from "./vault-token.ts";

/** A key of the transit engine of Vault or OpenBao. */
export interface VaultTransitOptions extends VaultAddress {
  /** Path of the engine. */
  readonly mount: string;
  readonly keyName: string;
  readonly token: TokenSource;
}

/** Types that take associated data. */
const AEAD_TYPES: readonly string[] = ["aes128-gcm96", "aes256-gcm96", "chacha20-poly1305"];
const CIPHERTEXT = /^vault:v\d{1,9}:[A-Za-z0-9+/=]+$/;

/** The transit engine (HTTP API: Encrypt Data, Decrypt Data, Read Key, Create Key). */
export class VaultTransit implements KeyWrapper {
  readonly kind = "vault";
  readonly #options: VaultTransitOptions;
  readonly #tools: Tools;

  constructor(options: VaultTransitOptions, tools: Tools) {
    this.#options = options;
    this.#tools = tools;
  }

  async wrapKey(key: Secret, context: Uint8Array, signal: AbortSignal): Promise<WrappedKey> {
    const operation = operationOf("Encrypt");
    const body = { plaintext: base64(key.reveal()), associated_data: base64(context) };
    // What the last attempt was sent with; nothing while its login is not through.
    let used: Secret | undefined;
    const token: TokenSource = async (attempt) => {
      used = undefined;
      used = await this.#options.token(attempt);
      return used;
    };
    const data = await this.#with(token)
      .#data(operation, "POST", "encrypt", body, signal)
      .catch((error: unknown) => this.#missingOr(error, used, signal));
    const ciphertext = textOf(operation, data, "ciphertext");
    if (!CIPHERTEXT.test(ciphertext))
      throw answerError(operation, `ciphertext ${quoted(ciphertext)}`, '"vault:v<n>:<base64>"');
    return { keyName: this.#name, bytes: utf8(ciphertext) };
  }

  async unwrapKey({ keyName, bytes }: WrappedKey, context: Uint8Array, signal: AbortSignal): Promise<Secret> {
    const operation = operationOf("Decrypt");
    if (keyName !== this.#name) {
      throw new KmsError(
        "wrong_kms",
        `${operation.name} failed: got key ${quoted(keyName)}, wanted ${quoted(this.#name)}`,
      );
    }
    const body = { ciphertext: ciphertextOf(operation, bytes), associated_data: base64(context) };
    const data = await this.#data(operation, "POST", "decrypt", body, signal);
    return secretMember(operation, data, "plaintext");
  }

  async describeKey(signal: AbortSignal): Promise<KeyDescription> {
    const operation = operationOf("Read key");
    const data = await this.#data(operation, "GET", "keys", undefined, signal);
    const type = textOf(operation, data, "type");
    if (!AEAD_TYPES.includes(type) || data["derived"] === true) {
      const wanted = `one of ${AEAD_TYPES.join(", ")}, not derived`;
      throw new KmsError(
        "kms_key_unfit",
        `${operation.name} failed: got a key of type ${quoted(type)}, wanted ${wanted}`,
      );
    }
    return { state: "enabled", kind: type };
  }

  async createKey(signal: AbortSignal): Promise<string> {
    const operation = operationOf("Create key");
    await this.#send(operation, "POST", "keys", { type: "aes256-gcm96" }, signal);
    return this.#options.keyName;
  }

  /**
   * To encrypt under a key that is not there is to create it, which a good policy forbids: Vault then says nothing of the
   * key. Where its description can be read, that tells. It is read with the token that was denied: another login may
   * not be had, and counts towards the lockout of the role. A login that was refused gave none, and says nothing of the
   * key.
   * @throws always: KmsError `kms_key_missing`, or `error`
   */
  async #missingOr(error: unknown, used: Secret | undefined, signal: AbortSignal): Promise<never> {
    if (used !== undefined && error instanceof KmsError && error.code === "kms_denied") {
      const described = await this.#with(async () => used)
        .describeKey(signal)
        .catch((other: unknown) => other);
      if (described instanceof KmsError && described.code === "kms_key_missing") throw described;
    }
    throw error;
  }

  /** The same key, asked with another source of tokens. */
  #with(token: TokenSource): VaultTransit {
    return new VaultTransit({ ...this.#options, token }, this.#tools);
  }

  get #name(): string {
    return `${this.#options.mount}/${this.#options.keyName}`;
  }

  async #data(
    operation: Operation,
    method: "GET" | "POST",
    path: string,
    body: JsonObject | undefined,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const { data } = await this.#send(operation, method, path, body, signal);
    if (isObject(data)) return data;
    throw answerError(operation, 'no "data"', "it");
  }

  #send(
    operation: Operation,
    method: "GET" | "POST",
    path: string,
    body: JsonObject | undefined,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const { address, namespace, mount, keyName, token } = this.#options;
    const url = `${address}/v1/${mount}/${path}/${encodeURIComponent(keyName)}`;
    const make = async (attempt: AbortSignal) => {
      const headers = {
        "x-vault-token": revealText(await token(attempt)),
        "content-type": "application/json",
        ...(namespace === undefined ? {} : { "x-vault-namespace": namespace }),
      };
      return { method, url, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    };
    return call(operation, this.#tools, signal, make, (answer) => {
      if (answer.status === 204) return {};
      if (answer.status === 200) return jsonOf(operation, answer);
      throw vaultError(operation, answer);
    });
  }
}

function operationOf(action: string): Operation {
  return { side: "kms", name: `${action} with Vault` };
}

function ciphertextOf(operation: Operation, bytes: Uint8Array): string {
  try {
    const text = fromUtf8(bytes);
    if (CIPHERTEXT.test(text)) return text;
  } catch (error) {
    if (!(error instanceof BytesError)) throw error;
  }
  throw new KmsError("wrapped_key_corrupt", `${operation.name} failed: got other bytes, wanted "vault:v<n>:<base64>"`);
}
