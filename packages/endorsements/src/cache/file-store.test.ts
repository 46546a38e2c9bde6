import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { utf8 } from "@constellation/bytes";
import { refusal } from "../testing/errors.ts";
import { decodeEntry, encodeEntry } from "./entry.ts";
import { FileStore } from "./file-store.ts";
import { MAX_ENTRY_BYTES } from "./store.ts";

const URL_1 = "https://vendor.example/one";
const URL_2 = "https://vendor.example/two?a=../../b";
const top = await mkdtemp(join(tmpdir(), "endorsements-"));
after(() => rm(top, { recursive: true }));
let count = 0;

function newStore(): { store: FileStore; directory: string } {
  const directory = join(top, `${++count}`, "cache");
  return { store: new FileStore(directory), directory };
}

test("FileStore keeps each entry in a file named by the digest of its address, for its owner only", async () => {
  const { store, directory } = newStore();
  assert.equal(await store.get(URL_1), undefined);
  await store.put(URL_1, utf8("first"));
  await store.put(URL_1, utf8("one"));
  await store.put(URL_2, utf8("two"));
  assert.deepEqual(await store.get(URL_1), utf8("one"));
  assert.deepEqual(await store.get(URL_2), utf8("two"));
  const names = await readdir(directory);
  assert.equal(names.length, 2);
  for (const name of names) {
    assert.match(name, /^[0-9a-f]{64}$/);
    assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600);
  }
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
});

test("FileStore.get() gives what is left of a file, which is no entry", async () => {
  const { store } = newStore();
  const entry = encodeEntry({ url: URL_1, fetchedAt: new Date(), headers: {}, body: utf8("contents") });
  await store.put(URL_1, entry);
  await truncate(store.pathOf(URL_1), entry.length - 1);
  const left = (await store.get(URL_1)) as Uint8Array;
  assert.equal(left.length, entry.length - 1);
  assert.equal(decodeEntry(left, URL_1), undefined);
  await truncate(store.pathOf(URL_1), 0);
  assert.deepEqual(await store.get(URL_1), new Uint8Array());
});

test("FileStore.get() gives nothing for what is no file of its own, or too large", async () => {
  const { store, directory } = newStore();
  await mkdir(store.pathOf(URL_1), { recursive: true });
  assert.equal(await store.get(URL_1), undefined);
  await writeFile(join(directory, "elsewhere"), "contents");
  await symlink(join(directory, "elsewhere"), store.pathOf(URL_2));
  assert.equal(await store.get(URL_2), undefined);
  await rm(store.pathOf(URL_2));
  await writeFile(store.pathOf(URL_2), "");
  await truncate(store.pathOf(URL_2), MAX_ENTRY_BYTES + 1);
  assert.equal(await store.get(URL_2), undefined);
  await promisify(execFile)("mkfifo", [`${store.pathOf(URL_2)}0`]);
  await rm(store.pathOf(URL_2));
  await promisify(execFile)("mv", [`${store.pathOf(URL_2)}0`, store.pathOf(URL_2)]);
  assert.equal(await store.get(URL_2), undefined);
});

test("FileStore.put() refuses an entry that is too large", async () => {
  const { store } = newStore();
  await assert.rejects(store.put(URL_1, new Uint8Array(MAX_ENTRY_BYTES + 1)), refusal("store", "16777217 bytes"));
});

test("FileStore.put() says so where it cannot write, and leaves nothing behind", async () => {
  const { store, directory } = newStore();
  await mkdir(store.pathOf(URL_1), { recursive: true });
  await writeFile(join(store.pathOf(URL_1), "in-the-way"), "");
  await assert.rejects(store.put(URL_1, utf8("one")), refusal("store", store.pathOf(URL_1)));
  assert.equal((await readdir(directory)).length, 1);
  const file = join(top, "a-file");
  await writeFile(file, "");
  await chmod(file, 0o600);
  await assert.rejects(new FileStore(file).put(URL_1, utf8("one")), refusal("store"));
});

/** What each of several processes does: puts its own entry many times, and reads in between. */
const WRITER = `
  const [storeUrl, entryUrl, directory, url, letter] = process.argv.slice(1);
  const { FileStore } = await import(storeUrl);
  const { decodeEntry, encodeEntry } = await import(entryUrl);
  const store = new FileStore(directory);
  const body = new Uint8Array(50_000).fill(letter.charCodeAt(0));
  for (let round = 0; round < 15; round++) {
    await store.put(url, encodeEntry({ url, fetchedAt: new Date(), headers: {}, body }));
    const entry = decodeEntry(await store.get(url), url);
    if (entry === undefined || entry.body.some((byte) => byte !== entry.body[0])) throw new Error("mixed entry");
  }
`;

test("FileStore serves several processes that write one entry at once", async () => {
  const { store, directory } = newStore();
  const modules = ["file-store.ts", "entry.ts"].map((name) => new URL(name, import.meta.url).href);
  const run = (letter: string) =>
    promisify(execFile)(process.execPath, [
      "--input-type=module",
      "--eval",
      WRITER,
      ...modules,
      directory,
      URL_1,
      letter,
    ]);
  await Promise.all(["a", "b", "c"].map(run));
  const entry = decodeEntry((await store.get(URL_1)) as Uint8Array, URL_1);
  assert.equal(entry?.body.length, 50_000);
  assert.equal((await readdir(directory)).length, 1);
});
