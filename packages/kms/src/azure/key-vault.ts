import { isObject, type JsonObject } from "@constellation/json";
import type { Secret } from "@constellation/keys";
import { KmsError, type KmsErrorCode, quoted } from "../error.ts";
import { answerError, call, type HttpAnswer, jsonOf, statusError, textOf } from "../http/call.ts";
import { base64Url, base64UrlMember, secretMember } from "../http/encoded.ts";
import type { Tools } from "../http/fetch.ts";
import type { Operation } from "../http/retry.ts";
import { revealText } from "../http/text-secret.ts";
import type { TokenSource } from "../http/token-source.ts";
import type { KeyDescription, KeyWrapper, WrappedKey } from "../key-wrapper.ts";

/** A key of Azure Key Vault or Managed HSM. */
export interface KeyVaultOptions {
  /** Origin of the vault, for example `https://example.vault.azure.net`. */
  readonly vaultUrl: string;
  readonly keyName: string;
  /** Whether it is a Managed HSM, which has AES keys. */
  readonly isManagedHsm: boolean;
  readonly token: TokenSource;
}

const API_VERSION = "7.4";
/** How keys of each type wrap. RSA with SHA-1, which the service offers too, is not used. */
const ALGORITHMS: Readonly<Record<string, string>> = {
  RSA: "RSA-OAEP-256",
  "RSA-HSM": "RSA-OAEP-256",
  "oct-HSM": "A256KW",
};
const VERSION = /^[0-9a-f]{32}$/;

/** What the current version of a key is. */
interface CurrentKey {
  readonly version: string;
  readonly algorithm: string;
  readonly enabled: boolean;
  readonly type: string;
}

/**
 * Azure Key Vault and Managed HSM (REST API 7.4: Get Key, Wrap Key, Unwrap Key, Create Key). Neither takes associated
 * data with these algorithms; the envelope binds it. The key name in an envelope is `<version>/<algorithm>`.
 */
export class KeyVault implements KeyWrapper {
  readonly kind = "azure";
  readonly #options: KeyVaultOptions;
  readonly #tools: Tools;

  constructor(options: KeyVaultOptions, tools: Tools) {
    this.#options = options;
    this.#tools = tools;
  }

  async wrapKey(key: Secret, _context: Uint8Array, signal: AbortSignal): Promise<WrappedKey> {
    const { version, algorithm, enabled } = await this.#current(signal);
    // The service wraps under a disabled RSA key all the same, and then unwraps nothing.
    if (!enabled) {
      const message = "Call wrapkey of Azure Key Vault failed: got a disabled key, wanted an enabled one";
      throw new KmsError("kms_key_disabled", message);
    }
    const json = await this.#crypt("wrapkey", version, algorithm, key.reveal(), signal);
    return { keyName: `${version}/${algorithm}`, bytes: base64UrlMember(operationOf("wrapkey"), json, "value") };
  }

  async unwrapKey({ keyName, bytes }: WrappedKey, _context: Uint8Array, signal: AbortSignal): Promise<Secret> {
    const [version = "", algorithm = "", ...rest] = keyName.split("/");
    if (!VERSION.test(version) || !Object.values(ALGORITHMS).includes(algorithm) || rest.length > 0) {
      const got = `key ${quoted(keyName)}`;
      throw new KmsError("wrapped_key_corrupt", `Unwrap key failed: got ${got}, wanted a version and an algorithm`);
    }
    const json = await this.#crypt("unwrapkey", version, algorithm, bytes, signal);
    return secretMember(operationOf("unwrapkey"), json, "value", base64UrlMember);
  }

  async describeKey(signal: AbortSignal): Promise<KeyDescription> {
    const { enabled, type } = await this.#current(signal);
    return { state: enabled ? "enabled" : "disabled", kind: type };
  }

  async createKey(signal: AbortSignal): Promise<string> {
    const operation = operationOf("create");
    const kind = this.#options.isManagedHsm ? { kty: "oct-HSM", key_size: 256 } : { kty: "RSA", key_size: 3072 };
    const body = { ...kind, key_ops: ["wrapKey", "unwrapKey"] };
    await this.#call(operation, "POST", `/keys/${encodeURIComponent(this.#options.keyName)}/create`, body, signal);
    return this.#options.keyName;
  }

  async #current(signal: AbortSignal): Promise<CurrentKey> {
    const operation = operationOf("get");
    const path = `/keys/${encodeURIComponent(this.#options.keyName)}`;
    const { key, attributes } = await this.#call(operation, "GET", path, undefined, signal);
    if (!isObject(key) || !isObject(attributes)) throw answerError(operation, "no key with attributes", "them");
    const type = textOf(operation, key, "kty");
    const algorithm = Object.hasOwn(ALGORITHMS, type) ? (ALGORITHMS[type] as string) : undefined;
    const isAbleTo = (operationName: string): boolean =>
      Array.isArray(key["key_ops"]) && key["key_ops"].includes(operationName);
    if (algorithm === undefined || !isAbleTo("wrapKey") || !isAbleTo("unwrapKey")) {
      const wanted = `a key of type ${Object.keys(ALGORITHMS).join(", ")} for wrapKey and unwrapKey`;
      throw new KmsError("kms_key_unfit", `${operation.name} failed: got type ${quoted(type)}, wanted ${wanted}`);
    }
    const version = this.#versionOf(operation, textOf(operation, key, "kid"));
    return { version, algorithm, type, enabled: attributes["enabled"] === true };
  }

  async #crypt(
    action: "wrapkey" | "unwrapkey",
    version: string,
    alg: string,
    value: Uint8Array,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const operation = operationOf(action);
    const path = `/keys/${encodeURIComponent(this.#options.keyName)}/${version}/${action}`;
    const json = await this.#call(operation, "POST", path, { alg, value: base64Url(value) }, signal);
    const used = this.#versionOf(operation, textOf(operation, json, "kid"));
    if (used === version) return json;
    throw answerError(operation, `version ${quoted(used)}`, `"${version}"`);
  }

  /** The version in a key's address, which must be that of the configured key. */
  #versionOf(operation: Operation, kid: string): string {
    const start = `${this.#options.vaultUrl}/keys/${encodeURIComponent(this.#options.keyName)}/`;
    const version = kid.startsWith(start) ? kid.slice(start.length) : "";
    if (VERSION.test(version)) return version;
    throw answerError(operation, `key ${quoted(kid)}`, `a version of "${start}"`);
  }

  #call(
    operation: Operation,
    method: "GET" | "POST",
    path: string,
    body: JsonObject | undefined,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const url = `${this.#options.vaultUrl}${path}?api-version=${API_VERSION}`;
    const make = async (attempt: AbortSignal) => {
      const authorization = `Bearer ${revealText(await this.#options.token(attempt))}`;
      const headers = { authorization, "content-type": "application/json" };
      return { method, url, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    };
    return call(operation, this.#tools, signal, make, (answer) => {
      if (answer.status === 200) return jsonOf(operation, answer);
      throw errorOf(operation, answer);
    });
  }
}

function operationOf(action: string): Operation {
  return { side: "kms", name: `Call ${action} of Azure Key Vault` };
}

/** "Authentication, requests and responses" and the error codes of the REST API. */
const CODES: Readonly<Record<string, KmsErrorCode>> = {
  Forbidden: "kms_denied",
  KeyDisabled: "kms_key_disabled",
  KeyNotFound: "kms_key_missing",
  Unauthorized: "kms_denied",
};

function errorOf(operation: Operation, answer: HttpAnswer): KmsError {
  const [outer, inner] = errorCodes(operation, answer);
  const known = [inner, outer].find((code) => Object.hasOwn(CODES, code));
  const words = inner === "" ? outer : `${outer} ${inner}`;
  if (known !== undefined) {
    return new KmsError(CODES[known] as KmsErrorCode, `${operation.name} failed: got ${quoted(words)}, wanted success`);
  }
  // A wrapped key that does not open is a bad parameter, no code of its own.
  if (answer.status === 400 && outer === "BadParameter" && operation.name === operationOf("unwrapkey").name) {
    return new KmsError("wrapped_key_corrupt", `${operation.name} failed: got ${quoted(words)}, wanted a key`);
  }
  return statusError(operation, answer, words);
}

function errorCodes(operation: Operation, answer: HttpAnswer): [string, string] {
  try {
    const { error } = jsonOf(operation, answer);
    if (!isObject(error)) return ["", ""];
    // The reference writes "innererror", the service also "innerError".
    const inside = error["innererror"] ?? error["innerError"];
    const inner = isObject(inside) ? inside["code"] : "";
    return [asText(error["code"]), asText(inner)];
  } catch {
    return ["", ""];
  }
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
