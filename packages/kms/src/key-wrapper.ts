import type { Secret } from "@constellation/keys";
import type { KmsError } from "./error.ts";

/** Every KMS there is, with its number in an envelope. Numbers are never used again for another. */
export const KMS_KINDS = { "cluster-kms": 1, aws: 2, azure: 3, gcp: 4, kmip: 5, vault: 6 } as const;
export type KmsKind = keyof typeof KMS_KINDS;

/** A content key that a KMS wrapped. */
export interface WrappedKey {
  /** Which key, and which version of it where the KMS needs to be told, did it: not secret. */
  readonly keyName: string;
  readonly bytes: Uint8Array;
}

/** What a KMS says of the key. */
export interface KeyDescription {
  readonly state: "enabled" | "disabled" | "missing" | "unknown";
  /** What kind of key it is, in the KMS's own words; empty where it does not say. */
  readonly kind: string;
}

/**
 * What each KMS is for us: it wraps and unwraps a content key of 32 bytes under a key that never leaves it. `context` is
 * public and bound to the result where the KMS can do that; `Envelope` binds it in any case.
 */
export interface KeyWrapper {
  readonly kind: KmsKind;
  /** Throws KmsError. */
  wrapKey(key: Secret, context: Uint8Array, signal: AbortSignal): Promise<WrappedKey>;
  /** Uses the configured key and no other, whatever `wrapped.keyName` says. Throws KmsError. */
  unwrapKey(wrapped: WrappedKey, context: Uint8Array, signal: AbortSignal): Promise<Secret>;
  /** Throws KmsError. */
  describeKey(signal: AbortSignal): Promise<KeyDescription>;
  /** Makes the key that the configuration names and gives the name by which to configure it. Throws KmsError. */
  createKey?(signal: AbortSignal): Promise<string>;
}

/** What was found out about a KMS by asking it. */
export interface KmsStatus {
  readonly reachable: boolean;
  readonly key: KeyDescription;
  /** Whether a probe could be wrapped, and unwrapped again, with these credentials. */
  readonly mayWrap: boolean;
  readonly mayUnwrap: boolean;
  /** Why not all is well, first things first. */
  readonly errors: readonly KmsError[];
}

/** Wraps secrets under a key that never leaves a KMS. */
export interface KeyManagementService {
  readonly kind: KmsKind;
  /**
   * Wraps a secret; `associatedData` is public, and the same must be given to unwrap it.
   * @throws KmsError
   */
  wrap(plaintext: Secret, associatedData: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  /** @throws KmsError */
  unwrap(wrapped: Uint8Array, associatedData: Uint8Array, signal: AbortSignal): Promise<Secret>;
  /** Asks the KMS for the key and wraps and unwraps a probe. What is wrong is in the answer; rejects only if cancelled. */
  status(signal: AbortSignal): Promise<KmsStatus>;
  /** Makes the key where the KMS lets us. @throws KmsError */
  createKey?(signal: AbortSignal): Promise<string>;
}
