import { Keyring, openGenerations, parseKeyringEntries, type StoredGeneration } from "@constellation/keys";
import { type Log, mountedSecretNames, readMountedSecret } from "@constellation/pod";
import { KeyServiceError } from "./errors.ts";
import { WrappedKeyring, type WrappedKeyringOptions } from "./wrapped-keyring.ts";

/** Gives the keyring for one request; whoever asked for it wipes it. */
export type KeyringSource = (signal: AbortSignal) => Promise<Keyring>;

/** Where the keyring is, and how long it is kept where a KMS has to open it. */
export interface KeyringOptions extends WrappedKeyringOptions {
  /** Folder with the entries of the keyring's Secret. */
  readonly secretDirectory: string;
}

/** A keyring as it is mounted. */
export interface MountedKeyring {
  readonly keyring: KeyringSource;
  /** Overwrites what is kept. */
  close(): void;
}

/**
 * Reads the keyring from a mounted Kubernetes Secret at each request: the volume is in memory, what is read is never
 * older than the volume, and master secrets stay in this process for one derivation only. Where an external KMS wrapped
 * them, it opens them, and they are kept for a while.
 */
export function mountedKeyring({ secretDirectory, ...options }: KeyringOptions, log: Log): MountedKeyring {
  const wrapped = new WrappedKeyring(options, log);
  return {
    async keyring(signal) {
      const stored = await readStored(secretDirectory, signal);
      const envelopes = stored.filter((generation) => generation.kind === "wrapped");
      if (envelopes.length > 0) requireNonePlain(stored, `beside wrapped ones in "${secretDirectory}"`);
      else if (await hasWayToKms(options.kmsDirectory, stored)) requireNonePlain(stored, "beside a way to a KMS");
      else return new Keyring(openGenerations(stored));
      return await wrapped.open(envelopes, signal);
    },
    close: () => wrapped.close(),
  };
}

async function readStored(directory: string, signal: AbortSignal): Promise<StoredGeneration[]> {
  let files: ReadonlyMap<string, Uint8Array> = new Map();
  try {
    files = await readMountedSecret(directory, () => true, signal);
    return parseKeyringEntries(Object.fromEntries(files));
  } catch (cause) {
    throw new KeyServiceError(
      "master_secret_unavailable",
      `Read keyring failed: got no usable files in "${directory}", wanted mastersecret and salt of each generation`,
      { cause },
    );
  } finally {
    for (const bytes of files.values()) bytes.fill(0);
  }
}

/** A cluster that was given a KMS has no root of its own: one in the place of the wrapped ones is no fallback. */
async function hasWayToKms(directory: string, stored: readonly StoredGeneration[]): Promise<boolean> {
  try {
    return (await mountedSecretNames(directory)).length > 0;
  } catch (cause) {
    wipePlain(stored);
    const got = `got a folder "${directory}" that can't be read`;
    const message = `Read keyring failed: ${got}, wanted to know whether the cluster has a KMS`;
    throw new KeyServiceError("master_secret_unavailable", message, { cause });
  }
}

/** A plain generation in a cluster with a KMS would be a root that the KMS never had: whoever put it there knows it. */
function requireNonePlain(stored: readonly StoredGeneration[], where: string): void {
  const plain = wipePlain(stored);
  if (plain.length === 0) return;
  const got = `got generation "${plain.join(", ")}" in plain ${where}`;
  throw new KeyServiceError("master_secret_unavailable", `Read keyring failed: ${got}, wanted all wrapped`);
}

/** Gives the numbers of those that were overwritten. */
function wipePlain(stored: readonly StoredGeneration[]): number[] {
  const plain = stored.filter((generation) => generation.kind === "plain");
  for (const { master } of plain) master.wipe();
  return plain.map(({ generation }) => generation);
}
