import { readdir, readFile, realpath } from "node:fs/promises";
import { join } from "node:path";

/**
 * The files of a mounted Kubernetes secret by name. The kubelet swaps them by turning the link `..data`: all are read
 * behind one resolution of it, so that they belong together. Empty where there is no such secret. The caller overwrites
 * what is secret of them.
 */
export async function readMountedSecret(
  directory: string,
  wants: (name: string) => boolean,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const version = await realpath(join(directory, "..data")).catch(() => directory);
  const names = (await readdir(version).catch(() => [])).filter((name) => !name.startsWith("..") && wants(name));
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
