import { readdir, readFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import { Keyring, openGenerations, parseKeyringEntries } from "@constellation/keys";
import { KeyServiceError } from "./errors.ts";

/** Gives the keyring for one request; whoever asked for it wipes it. */
export type KeyringSource = (signal: AbortSignal) => Promise<Keyring>;

/**
 * Reads the keyring from a mounted Kubernetes Secret at each request: the volume is in memory, what is read is never
 * older than the volume, and master secrets stay in this process for one derivation only.
 *
 * The kubelet swaps a Secret's files by turning the link `..data`; all files are read behind one resolution of it, so
 * that they belong together.
 */
export function mountedKeyring(directory: string): KeyringSource {
  return async (signal) => {
    const files: Record<string, Uint8Array> = {};
    try {
      const version = await realpath(join(directory, "..data")).catch(() => directory);
      const names = (await readdir(version)).filter((name) => !name.startsWith("."));
      await Promise.all(
        names.map(async (name) => {
          files[name] = await readFile(join(version, name), { signal });
        }),
      );
      return new Keyring(openGenerations(parseKeyringEntries(files)));
    } catch (cause) {
      throw new KeyServiceError(
        "master_secret_unavailable",
        `Read keyring failed: got no usable files in "${directory}", wanted mastersecret and salt of each generation`,
        { cause },
      );
    } finally {
      for (const bytes of Object.values(files)) bytes.fill(0);
    }
  };
}
