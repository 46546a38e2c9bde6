import { readdir, readFile, realpath } from "node:fs/promises";
import { join } from "node:path";

/**
 * The files of a mounted Kubernetes secret by name. The kubelet swaps them by turning the link `..data`: all are read
 * behind one resolution of it, so that they belong together. Empty where there is no such secret; a folder that can't be
 * read is an error, as it may hold one. The caller overwrites what is secret of them.
 */
export async function readMountedSecret(
  directory: string,
  wants: (name: string) => boolean,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const version = await versionOf(directory);
  const names = (await namesIn(directory, version)).filter(wants);
  const files = new Map<string, Uint8Array>();
  const reads = await Promise.allSettled(
    names.map(async (name) => {
      const { buffer, byteOffset, length } = await readFile(join(version, name), { signal });
      files.set(name, new Uint8Array(buffer, byteOffset, length));
    }),
  );
  const failed = reads.find((read) => read.status === "rejected");
  if (failed === undefined) return files;
  for (const bytes of files.values()) bytes.fill(0);
  throw failed.reason;
}

/** The names of those files, which are not read. */
export async function mountedSecretNames(directory: string): Promise<readonly string[]> {
  return await namesIn(directory, await versionOf(directory));
}

function versionOf(directory: string): Promise<string> {
  return realpath(join(directory, "..data")).catch(ifMissing(directory));
}

/** A version that the kubelet removed meanwhile is no missing secret. */
async function namesIn(directory: string, version: string): Promise<string[]> {
  const names = version === directory ? await readdir(version).catch(ifMissing([])) : await readdir(version);
  return names.filter((name) => !name.startsWith(".."));
}

/** Only what is not there is none: whatever else fails must not pass for it. */
function ifMissing<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return value;
    throw error;
  };
}
