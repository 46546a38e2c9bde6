import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, mkdir, readdir, readFile, readlink, rename, rm, utimes, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { writing } from "./errors.ts";
import { cacheDir } from "./paths.ts";

/** Name of the file inside an entry that lists what a complete entry holds. */
const LISTING = ".listing.json";

/** Of the listing. Older checkouts use the same cache: each takes an entry of another format for a damaged one. */
const FORMAT = 2;

const DAY_MS = 86_400_000;

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

/**
 * Hex SHA-256 over the names, modes and contents of all files below `dir`, in byte order of their names.
 * @param counts whether a file goes in, by its path below `dir`; all by default
 */
export async function hashTree(dir: string, counts: (name: string) => boolean = () => true): Promise<string> {
  const hash = createHash("sha256");
  for (const path of await filesBelow(dir)) {
    const name = relative(dir, path);
    if (!counts(name)) continue;
    const stat = await lstat(path);
    hash.update(`${name}\0${(stat.mode & 0o111) !== 0}\0${stat.size}\0`);
    hash.update(await readFile(path));
  }
  return hash.digest("hex");
}

/** Hex SHA-256 over a file's bytes. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** The folder of a build result, whether it is there or not. */
export function entryPlace(kind: string, key: string): string {
  return join(cacheDir(), kind, `${key}-${FORMAT}`);
}

/**
 * Returns the folder of a build result, building it when it isn't there or isn't whole.
 *
 * An entry is built beside its place and renamed into it, so a build that was cut off leaves nothing that looks
 * finished. An entry lists its files with their digests, and is read whole before it is used (a second per gigabyte):
 * one that differs from its listing is dropped and built anew.
 *
 * @param kind first folder below the cache, for people who look into it
 * @param key content key of everything that went in
 */
export function cached(kind: string, key: string, build: (dir: string) => Promise<void>): Promise<string> {
  const place = entryPlace(kind, key);
  const running = builds.get(place);
  if (running !== undefined) return running;
  const started = buildIfMissing(place, build).finally(() => builds.delete(place));
  builds.set(place, started);
  return started;
}

/**
 * Removes all entries of a kind but those that were used last, and what builds left that were killed a day ago or more.
 * @param count how many stay
 */
export async function dropOlder(kind: string, count: number): Promise<void> {
  const folder = join(cacheDir(), kind);
  const entries = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const used = await Promise.all(
    entries.map(async ({ name }) => ({ name, usedMs: (await lstat(join(folder, name))).mtimeMs })),
  );
  const isDraft = ({ name }: { readonly name: string }): boolean => name.startsWith(".");
  const whole = used.filter((entry) => !isDraft(entry)).sort((a, b) => b.usedMs - a.usedMs);
  const drafts = used.filter((entry) => isDraft(entry) && entry.usedMs < Date.now() - DAY_MS);
  for (const { name } of [...whole.slice(count), ...drafts]) {
    // Another build may be dropping it, too.
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Entries that this process is looking at or building, by their places: who asks for the same waits for it. */
const builds = new Map<string, Promise<string>>();

async function buildIfMissing(place: string, build: (dir: string) => Promise<void>): Promise<string> {
  if (await isWhole(place)) {
    const now = new Date();
    await utimes(place, now, now);
    return place;
  }
  await rm(place, { recursive: true, force: true });
  const draft = join(dirname(place), `.${basename(place)}.${randomBytes(4).toString("hex")}`);
  try {
    await writing(draft, () => fill(draft, build));
    await rename(draft, place);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (await isWhole(place)) return place;
    throw error;
  }
  return place;
}

async function fill(draft: string, build: (dir: string) => Promise<void>): Promise<void> {
  await mkdir(draft, { recursive: true });
  await build(draft);
  await writeFile(join(draft, LISTING), JSON.stringify(await listing(draft)));
}

/** Whether an entry holds what was built; says so if it is there and does not. */
async function isWhole(place: string): Promise<boolean> {
  const text = await readFile(join(place, LISTING), "utf8").catch(() => undefined);
  if (text === undefined) return false;
  const found = await listing(place);
  if (text === JSON.stringify(found)) return true;
  console.error(`build: '${place}' is damaged (${differences(text, found)}): it is dropped and built anew`);
  return false;
}

function differences(text: string, found: Record<string, string>): string {
  const listed = parseListing(text);
  if (listed === undefined) return LISTING;
  const names = new Set([...Object.keys(listed), ...Object.keys(found)]);
  const [first, ...others] = [...names].filter((name) => listed[name] !== found[name]);
  return `${first ?? LISTING}${others.length === 0 ? "" : ` and ${others.length} more`}`;
}

function parseListing(text: string): Record<string, unknown> | undefined {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

async function listing(dir: string): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const path of await filesBelow(dir)) {
    const name = relative(dir, path);
    if (name !== LISTING) digests[name] = await identifyFile(path);
  }
  return digests;
}

async function identifyFile(path: string): Promise<string> {
  const stat = await lstat(path);
  return stat.isSymbolicLink() ? `link to ${await readlink(path)}` : await sha256File(path);
}

/** All files (not folders) below `dir`, sorted by name, links not followed. */
async function filesBelow(dir: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
    if (!entry.isDirectory()) found.push(join(entry.parentPath, entry.name));
  }
  return found.sort();
}
