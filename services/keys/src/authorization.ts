import {
  type KeyId,
  type KeyNamespace,
  KeysError,
  MAX_GENERATION,
  parseKeyId,
  validateKeyLength,
} from "@constellation/keys";
import { KeyServiceError } from "./errors.ts";

/**
 * Which caller may ask for keys of which namespaces (T8). A caller is the service that its client certificate or its
 * token names; who is not in the table gets nothing.
 */
export const AUTHORIZED_NAMESPACES: ReadonlyMap<string, readonly KeyNamespace[]> = new Map([
  ["join-service", ["state-disk", "etcd-secrets"]],
  ["node-agent", ["etcd-secrets"]],
  ["csi", ["volume"]],
  ["s3proxy", ["object-kek"]],
]);

/** What a caller asks for, as it came. */
export interface KeyRequest {
  readonly caller: string;
  readonly keyId: string;
  readonly lengthBytes: number;
  /** 0 is the current one. */
  readonly generation: number;
}

/**
 * Gives the key ID that the caller may have.
 * @throws KeyServiceError `caller_unknown`, `key_id_invalid`, `namespace_forbidden`, `key_length_invalid`,
 * `generation_invalid`
 */
export function authorizeKeyRequest({ caller, keyId: text, lengthBytes, generation }: KeyRequest): KeyId {
  const namespaces = AUTHORIZED_NAMESPACES.get(caller);
  if (namespaces === undefined) {
    throw new KeyServiceError(
      "caller_unknown",
      `Authorize key request failed: got caller ${JSON.stringify(caller)}, wanted one of ${listed(AUTHORIZED_NAMESPACES.keys())}`,
    );
  }
  const keyId = asRefusal("key_id_invalid", () => parseKeyId(text));
  if (!namespaces.includes(keyId.namespace)) {
    throw new KeyServiceError(
      "namespace_forbidden",
      `Authorize key request failed: got namespace "${keyId.namespace}" from caller "${caller}", wanted ${listed(namespaces)}`,
    );
  }
  asRefusal("key_length_invalid", () => validateKeyLength(keyId.namespace, lengthBytes));
  if (!Number.isInteger(generation) || generation < 0 || generation > MAX_GENERATION) {
    const message = `Authorize key request failed: got generation "${generation}", wanted "0" to "${MAX_GENERATION}"`;
    throw new KeyServiceError("generation_invalid", message);
  }
  return keyId;
}

function asRefusal<T>(code: "key_id_invalid" | "key_length_invalid", check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof KeysError)) throw error;
    throw new KeyServiceError(code, `Authorize key request failed: ${error.message}`);
  }
}

function listed(names: Iterable<string>): string {
  return [...names].map((name) => `"${name}"`).join(", ");
}
