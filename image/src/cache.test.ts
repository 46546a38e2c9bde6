import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, unlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { cached, contentKey, dropOlder, hashTree } from "./cache.ts";

let dir: string;
const before = process.env["CONSTELLATION_CACHE"];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "cache-"));
  process.env["CONSTELLATION_CACHE"] = dir;
});
afterEach(async () => {
  await rm(dir, { recursive: true });
  if (before === undefined) delete process.env["CONSTELLATION_CACHE"];
  else process.env["CONSTELLATION_CACHE"] = before;
});

test("cached() builds once and then returns what it built", async () => {
  let builds = 0;
  const build = async (out: string): Promise<void> => {
    builds += 1;
    await writeFile(join(out, "file"), "content");
  };
  const first = await cached("things", "key", build);
  const second = await cached("things", "key", build);
  assert.equal(first, second);
  assert.equal(builds, 1);
  assert.equal(await readFile(join(first, "file"), "utf8"), "content");
});

test("cached() builds once for all who ask at the same time", async () => {
  let builds = 0;
  const build = async (dir: string): Promise<void> => {
    builds += 1;
    await wait(20);
    await writeFile(join(dir, "a"), "built");
  };
  const places = await Promise.all([1, 2, 3].map(() => cached("kind", "at once", build)));
  assert.equal(new Set(places).size, 1);
  assert.equal(builds, 1);
});

test("cached() builds a truncated entry anew", async () => {
  const place = await cached("things", "key", (out) => writeFile(join(out, "file"), "content"));
  await truncate(join(place, "file"), 3);
  await cached("things", "key", (out) => writeFile(join(out, "file"), "content"));
  assert.equal(await readFile(join(place, "file"), "utf8"), "content");
});

const damages: [string, RegExp, (place: string) => Promise<void>][] = [
  [
    "a file of the right size with other bytes",
    /\(image\.raw\)/,
    (place) => writeFile(join(place, "image.raw"), "bytEs"),
  ],
  [
    "a link to another file",
    /\(link\)/,
    async (place) => {
      await unlink(join(place, "link"));
      await symlink("/etc/hosts", join(place, "link"));
    },
  ],
  [
    "a missing and an added file",
    /\(image\.raw and 1 more\)/,
    async (place) => {
      await unlink(join(place, "image.raw"));
      await writeFile(join(place, "added"), "bytes");
    },
  ],
  ["a listing that was cut off", /\(\.listing\.json\)/, (place) => truncate(join(place, ".listing.json"), 9)],
];

for (const [what, named, damage] of damages) {
  test(`cached() says that an entry with ${what} is damaged, and builds it anew`, async (t) => {
    const said = t.mock.method(console, "error", () => {});
    const build = async (out: string): Promise<void> => {
      await writeFile(join(out, "image.raw"), "bytes");
      await symlink("image.raw", join(out, "link"));
    };
    const place = await cached("images", "key", build);
    await cached("images", "key", build);
    assert.equal(said.mock.callCount(), 0);
    await damage(place);
    assert.equal(await cached("images", "key", build), place);
    assert.equal(said.mock.callCount(), 1);
    const line = String(said.mock.calls[0]?.arguments[0]);
    assert.match(line, /^build: '.*\/images\/key-2' is damaged .*: it is dropped and built anew$/);
    assert.match(line, named);
    assert.deepEqual(await readdir(place), [".listing.json", "image.raw", "link"]);
    assert.equal(await readFile(join(place, "link"), "utf8"), "bytes");
  });
}

test("cached() leaves nothing behind of a build that failed", async () => {
  const build = async (out: string): Promise<void> => {
    await writeFile(join(out, "half"), "x");
    throw new Error("cut off");
  };
  await assert.rejects(cached("things", "key", build), /cut off/);
  assert.deepEqual(await readdir(join(dir, "things")), []);
});

test("cached() names its folder where the disk is full, and leaves nothing behind", async () => {
  const build = async (out: string): Promise<void> => {
    await writeFile(join(out, "half"), "x");
    // Linux's file that is always full (full(4)).
    await writeFile("/dev/full", "x");
  };
  await assert.rejects(cached("things", "key", build), { code: "no_space", message: /Write '.*\/things\/\.key-2\./ });
  assert.deepEqual(await readdir(join(dir, "things")), []);
});

test("dropOlder() keeps the entries that were used last, drafts of today and other kinds", async () => {
  const build = (out: string): Promise<void> => writeFile(join(out, "file"), "content");
  const age = (name: string, days: number): Promise<void> => {
    const then = new Date(Date.now() - days * 86_400_000);
    return utimes(join(dir, "images", name), then, then);
  };
  for (const key of ["a", "b", "c"]) await cached("images", key, build);
  await cached("others", "a", build);
  for (const draft of [".a-2.1", ".a-2.2"]) await mkdir(join(dir, "images", draft));
  await symlink("b-2", join(dir, "images/current"));
  await Promise.all([age("a-2", 30), age("b-2", 40), age("c-2", 20), age(".a-2.1", 2), age(".a-2.2", 0.5)]);
  // Using one is what counts, not when it was built.
  await cached("images", "b", build);
  await dropOlder("images", 2);
  assert.deepEqual((await readdir(join(dir, "images"))).sort(), [".a-2.2", "b-2", "c-2", "current"]);
  assert.deepEqual(await readdir(join(dir, "others")), ["a-2"]);
});

test("contentKey() tells apart where one part ends and the next begins", () => {
  assert.notEqual(contentKey("ab", "c"), contentKey("a", "bc"));
});

test("hashTree() changes with a file's name and content", async () => {
  const trees = [
    await cached("tree", "a", (out) => writeFile(join(out, "x"), "1")),
    await cached("tree", "b", (out) => writeFile(join(out, "x"), "2")),
    await cached("tree", "c", (out) => writeFile(join(out, "y"), "1")),
  ];
  const named = trees.map((tree) => hashTree(tree, (name) => name !== ".listing.json"));
  assert.equal(new Set(await Promise.all(named)).size, 3);
});
