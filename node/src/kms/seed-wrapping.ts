import { createCipheriv, createDecipheriv } from "node:crypto";
import { concat, utf8 } from "@constellation/bytes";
import type { EtcdKey } from "@constellation/keys";
import { NodeError } from "../errors.ts";

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const OVERHEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES;
/** Kubernetes takes 1 kB at most. */
const MAX_WRAPPED_BYTES = 1024;
/** Kubernetes' seeds have 32 bytes. */
const MAX_SEED_BYTES = 256;

const ALGORITHM = "aes-256-gcm";
const OPTIONS = { authTagLength: TAG_BYTES };

/** The name that Kubernetes knows a key by, and stores beside everything that is encrypted under it. */
export function kmsKeyId(generation: number): string {
  return `etcd-secrets/${generation}`;
}

/**
 * Wraps a seed of the API server: `version (1) | nonce (12) | AES-256-GCM ciphertext | tag (16)`, with version and key ID
 * as associated data. Nonces are random: an API server has one seed wrapped at its start and at each change of key, which
 * is far from the 2^32 that random nonces bear (NIST SP 800-38D, section 8.3).
 * @throws NodeError `kms_request` when the seed has no or too many bytes
 */
export function wrapSeed(
  { generation, key }: EtcdKey,
  seed: Uint8Array,
  random: (bytes: number) => Uint8Array,
): Uint8Array {
  if (seed.length === 0 || seed.length > MAX_SEED_BYTES) {
    throw invalid("Wrap seed", "plaintext", seed.length, `1 to ${MAX_SEED_BYTES} bytes`);
  }
  const nonce = random(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key.reveal(), nonce, OPTIONS).setAAD(associatedData(generation));
  return concat(Uint8Array.of(VERSION), nonce, cipher.update(seed), cipher.final(), cipher.getAuthTag());
}

/**
 * Opens what `wrapSeed` made under the same key and generation.
 * @throws NodeError `kms_request` when it can't be a wrapped seed, `kms_ciphertext` when it is none of this key's
 */
export function unwrapSeed({ generation, key }: EtcdKey, wrapped: Uint8Array): Uint8Array {
  if (wrapped.length <= OVERHEAD_BYTES || wrapped.length > MAX_WRAPPED_BYTES) {
    throw invalid("Unwrap seed", "ciphertext", wrapped.length, `${OVERHEAD_BYTES + 1} to ${MAX_WRAPPED_BYTES} bytes`);
  }
  if (wrapped[0] !== VERSION) {
    throw new NodeError("kms_request", `Unwrap seed failed: got version "${wrapped[0]}", wanted "${VERSION}"`);
  }
  const nonce = wrapped.subarray(1, 1 + NONCE_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key.reveal(), nonce, OPTIONS)
    .setAAD(associatedData(generation))
    .setAuthTag(wrapped.subarray(-TAG_BYTES));
  const seed = decipher.update(wrapped.subarray(1 + NONCE_BYTES, -TAG_BYTES));
  try {
    return concat(seed, decipher.final());
  } catch {
    // Why is OpenSSL's secret; and nothing that did not authenticate is given out.
    seed.fill(0);
    const wanted = `one of "${kmsKeyId(generation)}"`;
    throw new NodeError(
      "kms_ciphertext",
      `Unwrap seed failed: got a ciphertext that is not authentic, wanted ${wanted}`,
    );
  }
}

function associatedData(generation: number): Uint8Array {
  return concat(Uint8Array.of(VERSION), utf8(kmsKeyId(generation)));
}

function invalid(operation: string, field: string, bytes: number, wanted: string): NodeError {
  return new NodeError("kms_request", `${operation} failed: got ${field} of "${bytes}" bytes, wanted ${wanted}`);
}
