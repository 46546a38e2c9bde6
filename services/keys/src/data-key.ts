import { deriveDataKey, type DataKey, formatKeyId } from "@constellation/keys";
import { describeError, type Log } from "@constellation/pod";
import { authorizeKeyRequest, type KeyRequest } from "./authorization.ts";
import { KeyServiceError } from "./errors.ts";
import type { MasterSecretSource } from "./master-secret.ts";

/** What giving out keys needs from outside. */
export interface DataKeyParts {
  readonly masterSecret: MasterSecretSource;
  readonly log: Log;
}

/** The generation of the master secret that there is. */
export const ONLY_GENERATION = 1;

/** A request for a key of one generation; 0 is the current one. */
export interface DataKeyRequest extends KeyRequest {
  readonly generation: number;
}

/**
 * Decides about a request, derives the key, and writes one audit line either way: who, which key, when, what came of it.
 * The key itself is in no line.
 * @throws KeyServiceError
 */
export async function getDataKey(
  request: DataKeyRequest,
  { masterSecret, log }: DataKeyParts,
  signal: AbortSignal,
): Promise<DataKey> {
  const { caller, keyId: text, lengthBytes } = request;
  try {
    const keyId = authorizeKeyRequest(request);
    requireGeneration(request.generation);
    const { master, salt } = await masterSecret(signal);
    const key = deriveDataKey(master, salt, keyId.namespace, keyId.id, lengthBytes);
    master.wipe();
    log.record("key-request", { outcome: "granted", caller, keyId: formatKeyId(keyId), lengthBytes });
    return key;
  } catch (error) {
    const code = error instanceof KeyServiceError ? error.code : "internal";
    log.record("key-request", {
      outcome: "refused",
      code,
      caller,
      keyId: text,
      lengthBytes,
      reason: describeError(error),
    });
    throw error;
  }
}

function requireGeneration(generation: number): void {
  if (generation === 0 || generation === ONLY_GENERATION) return;
  const wanted = `"0" or "${ONLY_GENERATION}"`;
  throw new KeyServiceError(
    "generation_unknown",
    `Derive key failed: got generation "${generation}", wanted ${wanted}`,
  );
}
