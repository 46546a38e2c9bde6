import { stat } from "node:fs/promises";
import { join } from "node:path";
import { hashTree, sha256File } from "./cache.ts";
import { checkoutDir } from "./paths.ts";

/** Folders and files of ours whose contents decide what the image is. */
const SOURCES = ["image", "node", "services", "packages", "proto", "package-lock.json", "tsconfig.json"];

/** Tests and what only people read change no image. */
export function goesIn(name: string): boolean {
  return !/\.test\.ts$|\.md$|(^|\/)testing\//.test(name);
}

/** Hex SHA-256 of each folder and file of ours that the image is made from. */
export async function hashSources(): Promise<Record<string, string>> {
  const hashes = SOURCES.map(async (name): Promise<[string, string]> => {
    const path = join(checkoutDir, name);
    return [name, (await stat(path)).isDirectory() ? await hashTree(path, goesIn) : await sha256File(path)];
  });
  return Object.fromEntries(await Promise.all(hashes));
}
