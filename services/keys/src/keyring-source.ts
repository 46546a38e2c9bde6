import { Keyring, openGenerations, parseKeyringEntries, type StoredGeneration } from "@constellation/keys";
import { type Log, readMountedSecret } from "@constellation/pod";
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
      if (envelopes.length === 0) return new Keyring(openGenerations(stored));
      requireNonePlain(stored, secretDirectory);
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

/** A plain generation beside wrapped ones would be a root that the KMS never had: whoever put it there knows it. */
function requireNonePlain(stored: readonly StoredGeneration[], directory: string): void {
  const plain = stored.filter((generation) => generation.kind === "plain");
  for (const { master } of plain) master.wipe();
  if (plain.length === 0) return;
  const got = `got generation "${plain.map(({ generation }) => generation).join(", ")}" in plain beside wrapped ones in "${directory}"`;
  throw new KeyServiceError("master_secret_unavailable", `Read keyring failed: ${got}, wanted all wrapped`);
}
