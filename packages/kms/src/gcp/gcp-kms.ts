import { base64 } from "@constellation/bytes";
import { isObject, type JsonObject } from "@constellation/json";
import type { Secret } from "@constellation/keys";
import { KmsError, quoted } from "../error.ts";
import { answerError, call, jsonOf, textOf } from "../http/call.ts";
import { base64Member, secretMember } from "../http/encoded.ts";
import type { Tools } from "../http/fetch.ts";
import type { Operation } from "../http/retry.ts";
import { revealText } from "../http/text-secret.ts";
import type { TokenSource } from "../http/token-source.ts";
import type { KeyDescription, KeyWrapper, WrappedKey } from "../key-wrapper.ts";
import { crc32c } from "./crc32c.ts";
import { googleError } from "./google-error.ts";

/** A symmetric key of Google Cloud KMS. */
export interface GcpKmsOptions {
  /** `projects/<p>/locations/<l>/keyRings/<r>/cryptoKeys/<k>`. */
  readonly resource: string;
  /** Origin of the service. */
  readonly endpoint: string;
  readonly token: TokenSource;
}

/** Cloud KMS (REST v1: encrypt, decrypt, get, create; "Verifying end-to-end data integrity"). */
export class GcpKms implements KeyWrapper {
  readonly kind = "gcp";
  readonly #options: GcpKmsOptions;
  readonly #tools: Tools;

  constructor(options: GcpKmsOptions, tools: Tools) {
    this.#options = options;
    this.#tools = tools;
  }

  async wrapKey(key: Secret, context: Uint8Array, signal: AbortSignal): Promise<WrappedKey> {
    const operation = operationOf("Encrypt");
    const plaintext = key.reveal();
    const body = { plaintext: base64(plaintext), plaintextCrc32c: checksum(plaintext), ...contextOf(context) };
    const json = await this.#call(operation, "POST", ":encrypt", body, signal);
    const bytes = base64Member(operation, json, "ciphertext");
    for (const name of ["verifiedPlaintextCrc32c", "verifiedAdditionalAuthenticatedDataCrc32c"]) {
      if (json[name] !== true) throw answerError(operation, `"${name}" ${quoted(json[name])}`, "true");
    }
    requireChecksum(operation, json, "ciphertextCrc32c", bytes);
    const version = textOf(operation, json, "name");
    this.#requireVersion(operation, version);
    return { keyName: version, bytes };
  }

  async unwrapKey({ keyName, bytes }: WrappedKey, context: Uint8Array, signal: AbortSignal): Promise<Secret> {
    const operation = operationOf("Decrypt");
    if (!keyName.startsWith(`${this.#options.resource}/`)) {
      const got = `key ${quoted(keyName)}`;
      throw new KmsError("wrong_kms", `${operation.name} failed: got ${got}, wanted ${quoted(this.#options.resource)}`);
    }
    const body = { ciphertext: base64(bytes), ciphertextCrc32c: checksum(bytes), ...contextOf(context) };
    const json = await this.#call(operation, "POST", ":decrypt", body, signal);
    const secret = secretMember(operation, json, "plaintext");
    try {
      requireChecksum(operation, json, "plaintextCrc32c", secret.reveal());
      return secret;
    } catch (error) {
      secret.wipe();
      throw error;
    }
  }

  async describeKey(signal: AbortSignal): Promise<KeyDescription> {
    const operation = operationOf("Get");
    const json = await this.#call(operation, "GET", "", undefined, signal);
    const name = textOf(operation, json, "name");
    if (name !== this.#options.resource)
      throw answerError(operation, `key ${quoted(name)}`, quoted(this.#options.resource));
    const purpose = textOf(operation, json, "purpose");
    if (purpose !== "ENCRYPT_DECRYPT") {
      throw new KmsError(
        "kms_key_unfit",
        `${operation.name} failed: got purpose ${quoted(purpose)}, wanted "ENCRYPT_DECRYPT"`,
      );
    }
    const primary = isObject(json["primary"]) ? json["primary"] : {};
    return { state: primary["state"] === "ENABLED" ? "enabled" : "disabled", kind: purpose };
  }

  async createKey(signal: AbortSignal): Promise<string> {
    const operation = operationOf("Create");
    const { resource, endpoint } = this.#options;
    const [, ring, id] = /^(.*)\/cryptoKeys\/([^/]+)$/.exec(resource) as unknown as [string, string, string];
    const url = `${endpoint}/v1/${ring}/cryptoKeys?cryptoKeyId=${encodeURIComponent(id)}`;
    const json = await this.#send(operation, "POST", url, { purpose: "ENCRYPT_DECRYPT" }, signal);
    const name = textOf(operation, json, "name");
    if (name !== resource) throw answerError(operation, `key ${quoted(name)}`, quoted(resource));
    return id;
  }

  #requireVersion(operation: Operation, name: string): void {
    const start = `${this.#options.resource}/cryptoKeyVersions/`;
    if (name.startsWith(start) && /^\d{1,10}$/.test(name.slice(start.length))) return;
    throw answerError(operation, `key version ${quoted(name)}`, `one of ${quoted(this.#options.resource)}`);
  }

  #call(
    operation: Operation,
    method: "GET" | "POST",
    verb: string,
    body: JsonObject | undefined,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    return this.#send(operation, method, `${this.#options.endpoint}/v1/${this.#options.resource}${verb}`, body, signal);
  }

  #send(
    operation: Operation,
    method: "GET" | "POST",
    url: string,
    body: JsonObject | undefined,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const make = async (attempt: AbortSignal) => {
      const authorization = `Bearer ${revealText(await this.#options.token(attempt))}`;
      const headers = { authorization, "content-type": "application/json" };
      return { method, url, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    };
    return call(operation, this.#tools, signal, make, (answer) => {
      if (answer.status === 200) return jsonOf(operation, answer);
      throw googleError(operation, answer, operation.name === DECRYPT ? DECRYPT_CODES : CODES);
    });
  }
}

function operationOf(action: string): Operation {
  return { side: "kms", name: `${action} with Google Cloud KMS` };
}

const DECRYPT = operationOf("Decrypt").name;
const CODES = {
  FAILED_PRECONDITION: "kms_key_disabled",
  NOT_FOUND: "kms_key_missing",
  PERMISSION_DENIED: "kms_denied",
  RESOURCE_EXHAUSTED: "kms_busy",
  UNAUTHENTICATED: "kms_denied",
  UNAVAILABLE: "kms_failed",
} as const;
/** A ciphertext or context that does not fit has no code of its own. */
const DECRYPT_CODES = { ...CODES, INVALID_ARGUMENT: "wrapped_key_corrupt" } as const;

function contextOf(context: Uint8Array): JsonObject {
  return {
    additionalAuthenticatedData: base64(context),
    additionalAuthenticatedDataCrc32c: checksum(context),
  };
}

/** 64-bit numbers are text in this JSON. */
function checksum(bytes: Uint8Array): string {
  return String(crc32c(bytes));
}

function requireChecksum(operation: Operation, json: JsonObject, name: string, bytes: Uint8Array): void {
  if (json[name] === checksum(bytes)) return;
  // The right value is not told: of a plaintext it says something.
  throw answerError(operation, `"${name}" that does not fit`, "the checksum of what came");
}
