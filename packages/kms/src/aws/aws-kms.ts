import { base64, fromUtf8 } from "@constellation/bytes";
import { isObject, type JsonObject } from "@constellation/json";
import type { Secret } from "@constellation/keys";
import { KmsError, type KmsErrorCode, quoted } from "../error.ts";
import { answerError, call, type HttpAnswer, jsonOf, statusError, textOf, wordsOf } from "../http/call.ts";
import { base64Member, secretMember } from "../http/encoded.ts";
import type { Tools } from "../http/fetch.ts";
import type { Operation } from "../http/retry.ts";
import type { KeyDescription, KeyWrapper, WrappedKey } from "../key-wrapper.ts";
import type { AwsCredentialSource } from "./credentials.ts";
import { signed } from "./sigv4.ts";

/** A symmetric encryption key of AWS KMS. */
export interface AwsKmsOptions {
  readonly region: string;
  /** Key ID, key ARN, alias name or alias ARN. */
  readonly keyName: string;
  /** Origin of the endpoint. */
  readonly endpoint: string;
  readonly credentials: AwsCredentialSource;
}

/** Name of the one entry of the encryption context. */
const CONTEXT_NAME = "constellation";
const ALGORITHM = "SYMMETRIC_DEFAULT";

/** AWS KMS (API reference 2014-11-01: Encrypt, Decrypt, DescribeKey, CreateKey). */
export class AwsKms implements KeyWrapper {
  readonly kind = "aws";
  readonly #options: AwsKmsOptions;
  readonly #tools: Tools;

  constructor(options: AwsKmsOptions, tools: Tools) {
    this.#options = options;
    this.#tools = tools;
  }

  async wrapKey(key: Secret, context: Uint8Array, signal: AbortSignal): Promise<WrappedKey> {
    const operation = operationOf("Encrypt");
    const json = await this.#call(
      operation,
      "Encrypt",
      { ...this.#keyAnd(context), Plaintext: base64(key.reveal()) },
      signal,
    );
    this.#requireAnswer(operation, json);
    const keyName = textOf(operation, json, "KeyId");
    this.#requireKey(operation, keyName);
    return { keyName, bytes: base64Member(operation, json, "CiphertextBlob") };
  }

  async unwrapKey({ keyName, bytes }: WrappedKey, context: Uint8Array, signal: AbortSignal): Promise<Secret> {
    const operation = operationOf("Decrypt");
    // KeyId in the request: KMS uses this key only, not whichever the ciphertext names.
    const body = { ...this.#keyAnd(context), CiphertextBlob: base64(bytes) };
    const json = await this.#call(operation, "Decrypt", body, signal);
    this.#requireAnswer(operation, json);
    const used = textOf(operation, json, "KeyId");
    if (used !== keyName) {
      throw new KmsError("wrong_kms", `${operation.name} failed: got key ${quoted(used)}, wanted ${quoted(keyName)}`);
    }
    this.#requireKey(operation, used);
    return secretMember(operation, json, "Plaintext");
  }

  async describeKey(signal: AbortSignal): Promise<KeyDescription> {
    const operation = operationOf("DescribeKey");
    const json = await this.#call(operation, "DescribeKey", { KeyId: this.#options.keyName }, signal);
    const metadata = json["KeyMetadata"];
    if (!isObject(metadata)) throw answerError(operation, "no KeyMetadata", "it");
    const kind = `${textOf(operation, metadata, "KeySpec")} ${textOf(operation, metadata, "KeyUsage")}`;
    if (kind !== "SYMMETRIC_DEFAULT ENCRYPT_DECRYPT") {
      const wanted = '"SYMMETRIC_DEFAULT ENCRYPT_DECRYPT"';
      throw new KmsError("kms_key_unfit", `${operation.name} failed: got a key ${quoted(kind)}, wanted ${wanted}`);
    }
    return { state: textOf(operation, metadata, "KeyState") === "Enabled" ? "enabled" : "disabled", kind };
  }

  /** AWS gives the name; the configured one is not used. */
  async createKey(signal: AbortSignal): Promise<string> {
    const operation = operationOf("CreateKey");
    const body = { KeySpec: ALGORITHM, KeyUsage: "ENCRYPT_DECRYPT", Description: "Constellation key-encryption key" };
    const json = await this.#call(operation, "CreateKey", body, signal);
    const metadata = json["KeyMetadata"];
    if (!isObject(metadata)) throw answerError(operation, "no KeyMetadata", "it");
    return textOf(operation, metadata, "Arn");
  }

  #keyAnd(context: Uint8Array): JsonObject {
    const EncryptionContext = { [CONTEXT_NAME]: fromUtf8(context) };
    return { KeyId: this.#options.keyName, EncryptionContext, EncryptionAlgorithm: ALGORITHM };
  }

  #requireAnswer(operation: Operation, json: JsonObject): void {
    const algorithm = json["EncryptionAlgorithm"];
    if (algorithm === ALGORITHM || algorithm === undefined) return;
    throw answerError(operation, `algorithm ${quoted(algorithm)}`, `"${ALGORITHM}"`);
  }

  /** An ARN or ID in the configuration is what the answer must name; an alias can't be told from here. */
  #requireKey(operation: Operation, arn: string): void {
    const wanted = this.#options.keyName;
    if (!/^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/.test(arn)) {
      throw answerError(operation, `key ${quoted(arn)}`, "the ARN of a key");
    }
    const isAlias = wanted.startsWith("alias/") || wanted.includes(":alias/");
    if (isAlias || arn === wanted || arn.endsWith(`:key/${wanted}`)) return;
    throw answerError(operation, `key ${quoted(arn)}`, quoted(wanted));
  }

  #call(operation: Operation, action: string, body: JsonObject, signal: AbortSignal): Promise<JsonObject> {
    const { endpoint, region, credentials } = this.#options;
    const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": `TrentService.${action}` };
    const request = { method: "POST", url: `${endpoint}/`, headers, body: JSON.stringify(body) } as const;
    const make = async (attempt: AbortSignal) =>
      signed(request, { region, service: "kms" }, await credentials(attempt), this.#tools.now());
    return call(operation, this.#tools, signal, make, (answer) => {
      if (answer.status === 200) return jsonOf(operation, answer);
      throw errorOf(operation, answer);
    });
  }
}

function operationOf(action: string): Operation {
  return { side: "kms", name: `${action} with AWS KMS` };
}

/** "Errors" of each action, and "Common errors", of the API reference. */
const CODES: Readonly<Record<string, KmsErrorCode>> = {
  AccessDeniedException: "kms_denied",
  ExpiredTokenException: "kms_denied",
  IncompleteSignature: "kms_denied",
  InvalidClientTokenId: "kms_denied",
  InvalidSignatureException: "kms_denied",
  SignatureDoesNotMatch: "kms_denied",
  UnrecognizedClientException: "kms_denied",
  DependencyTimeoutException: "kms_failed",
  DisabledException: "kms_key_disabled",
  IncorrectKeyException: "wrong_kms",
  InvalidArnException: "kms_key_missing",
  InvalidCiphertextException: "wrapped_key_corrupt",
  InvalidKeyUsageException: "kms_key_unfit",
  KeyUnavailableException: "kms_busy",
  KMSInternalException: "kms_failed",
  KMSInvalidStateException: "kms_key_disabled",
  NotFoundException: "kms_key_missing",
  ThrottlingException: "kms_busy",
};

function errorOf(operation: Operation, answer: HttpAnswer): KmsError {
  const type = wordsOf(answer, (json) => json["__type"]).replace(/^.*#/, "");
  const code = Object.hasOwn(CODES, type) ? CODES[type] : undefined;
  if (code === undefined) return statusError(operation, answer, type);
  return new KmsError(code, `${operation.name} failed: got ${quoted(type)}, wanted success`);
}
