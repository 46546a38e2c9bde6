import { readdir, readFile, realpath } from "node:fs/promises";
import { join } from "node:path";

/**
 * The files of a mounted Kubernetes secret by name. The kubelet swaps them by turning the link `..data`: all are read
 * behind one resolution of it, so that they belong together. Empty where there is no such secret.
 */
export async function readMountedSecret(
  directory: string,
  wants: (name: string) => boolean,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const version = await realpath(join(directory, "..data")).catch(() => directory);
  const names = (await readdir(version).catch(() => [])).filter((name) => !name.startsWith("..") && wants(name));
  const files = names.map(
    async (name) => [name, new Uint8Array(await readFile(join(version, name), { signal }))] as const,
  );
  return new Map(await Promise.all(files));
}
