import { readFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import { KEY_LENGTH_BYTES, MasterSecret } from "@constellation/keys";
import { KeyServiceError } from "./errors.ts";

/** The root of all keys, as the Kubernetes secret holds it. */
export interface MasterSecretPair {
  readonly master: MasterSecret;
  readonly salt: Uint8Array;
}

/** Gives the pair for one request. */
export type MasterSecretSource = (signal: AbortSignal) => Promise<MasterSecretPair>;

/**
 * Reads `mastersecret` and `salt` from a mounted Kubernetes secret at each request: the volume is in memory, what is
 * read is never older than the volume, and the master secret stays in this process for one derivation only.
 *
 * The kubelet swaps a secret's files by turning the link `..data`; both files are read behind one resolution of it, so
 * that they belong together.
 */
export function mountedMasterSecret(directory: string): MasterSecretSource {
  return async (signal) => {
    try {
      const version = await realpath(join(directory, "..data")).catch(() => directory);
      const [secret, salt] = await Promise.all([
        readFile(join(version, "mastersecret"), { signal }),
        readFile(join(version, "salt"), { signal }),
      ]);
      return toPair(secret, salt);
    } catch (cause) {
      throw new KeyServiceError(
        "master_secret_unavailable",
        `Read master secret failed: got no usable files in "${directory}", wanted mastersecret and salt`,
        { cause },
      );
    }
  };
}

function toPair(secret: Buffer, salt: Buffer): MasterSecretPair {
  try {
    if (salt.length !== KEY_LENGTH_BYTES) {
      throw new Error(`Read salt failed: got "${salt.length}" bytes, wanted "${KEY_LENGTH_BYTES}"`);
    }
    return { master: new MasterSecret(secret), salt: new Uint8Array(salt) };
  } finally {
    secret.fill(0);
  }
}
