import { type DataKey, type Keyring, KeysError, formatKeyId } from "@constellation/keys";
import { authorizeKeyRequest, type KeyRequest } from "./authorization.ts";
import { KeyServiceError } from "./errors.ts";
import type { KeyringSource } from "./keyring-source.ts";

/** A key, with what is to be remembered of it. */
export interface ReleasedKey {
  readonly key: DataKey;
  readonly keyId: string;
  /** What the key was derived from. */
  readonly generation: number;
}

/**
 * Decides about a request and derives the key.
 * @throws KeyServiceError
 */
export async function getDataKey(
  request: KeyRequest,
  source: KeyringSource,
  signal: AbortSignal,
): Promise<ReleasedKey> {
  const keyId = authorizeKeyRequest(request);
  const keyring = await source(signal);
  try {
    const { generation } = findGeneration(keyring, request.generation);
    return { key: keyring.dataKey(keyId, request.lengthBytes, generation), keyId: formatKeyId(keyId), generation };
  } finally {
    keyring.wipe();
  }
}

function findGeneration(keyring: Keyring, generation: number): { readonly generation: number } {
  try {
    return keyring.get(generation);
  } catch (error) {
    if (!(error instanceof KeysError)) throw error;
    const code = error.code === "generation_removed" ? "generation_removed" : "generation_unknown";
    throw new KeyServiceError(code, `Release key failed: ${error.message}`);
  }
}
