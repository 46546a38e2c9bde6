import { createHash, randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { cacheDir } from "./paths.ts";

/** Name of the file inside an entry that lists what a complete entry holds. */
const LISTING = ".listing.json";

/** Hex SHA-256 over the given parts, each bound by its length. */
export function contentKey(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = typeof part === "string" ? Buffer.from(part) : part;
    hash.update(`${bytes.length}:`);
    hash.update(bytes);
  }
  return hash.digest("hex");
}

/** Hex SHA-256 over the names, modes and contents of all files below `dir`, in byte order of their names. */
export async function hashTree(dir: string): Promise<string> {
  const hash = createHash("sha256");
  for (const path of await filesBelow(dir)) {
    const stat = await lstat(path);
    hash.update(`${relative(dir, path)}\0${(stat.mode & 0o111) !== 0}\0${stat.size}\0`);
    hash.update(await readFile(path));
  }
  return hash.digest("hex");
}

/**
 * Returns the folder of a build result, building it when it isn't there or isn't whole.
 *
 * An entry is built beside its place and renamed into it, so a build that was cut off leaves nothing that looks
 * finished. A whole entry lists its files with sizes; an entry that differs from its listing is built anew.
 *
 * @param kind first folder below the cache, for people who look into it
 * @param key content key of everything that went in
 */
export async function cached(kind: string, key: string, build: (dir: string) => Promise<void>): Promise<string> {
  const place = join(cacheDir(), kind, key);
  if (await isWhole(place)) {
    const now = new Date();
    await utimes(place, now, now);
    return place;
  }
  await rm(place, { recursive: true, force: true });
  const draft = join(cacheDir(), kind, `.${key}.${randomBytes(4).toString("hex")}`);
  await mkdir(draft, { recursive: true });
  try {
    await build(draft);
    await writeFile(join(draft, LISTING), JSON.stringify(await listing(draft)));
    await rename(draft, place);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (await isWhole(place)) return place;
    throw error;
  }
  return place;
}

async function isWhole(dir: string): Promise<boolean> {
  const text = await readFile(join(dir, LISTING), "utf8").catch(() => undefined);
  if (text === undefined) return false;
  const found = await listing(dir);
  return text === JSON.stringify(found);
}

async function listing(dir: string): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const path of await filesBelow(dir)) {
    const name = relative(dir, path);
    if (name !== LISTING) sizes[name] = (await lstat(path)).size;
  }
  return sizes;
}

/** All files (not folders) below `dir`, sorted by name, links not followed. */
async function filesBelow(dir: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
    if (!entry.isDirectory()) found.push(join(entry.parentPath, entry.name));
  }
  return found.sort();
}
