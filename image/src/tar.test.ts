import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { tarDigest, writeTar } from "./tar.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "tar-"));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

const LONG = `${"d".repeat(90)}/${"f".repeat(90)}`;

async function makeTree(name: string, order: readonly string[]): Promise<string> {
  const tree = join(dir, name);
  for (const path of order) {
    await mkdir(join(tree, path, ".."), { recursive: true });
    await writeFile(join(tree, path), `content of ${path}`);
    await chmod(join(tree, path), path.startsWith("bin/") ? 0o755 : 0o644);
  }
  await symlink("../bin/a", join(tree, "etc/link"));
  return tree;
}

const PATHS = ["bin/a", "etc/b", "etc/empty", LONG];

test("writeTar() writes an archive that tar unpacks to the same tree", async () => {
  const tree = await makeTree("tree", PATHS);
  const chunks: Uint8Array[] = [];
  await writeTar(tree, { update: (bytes) => chunks.push(Uint8Array.from(bytes)) });
  const archive = join(dir, "archive.tar");
  await writeFile(archive, Buffer.concat(chunks));
  const out = join(dir, "out");
  await mkdir(out);
  execFileSync("tar", ["-xf", archive, "-C", out]);
  for (const path of PATHS) assert.equal(await readFile(join(out, path), "utf8"), `content of ${path}`);
  assert.equal((await stat(join(out, "bin/a"))).mode & 0o777, 0o755);
  assert.equal(await readlink(join(out, "etc/link")), "../bin/a");
});

test("tarDigest() does not depend on the order of creation nor on times", async () => {
  const one = await makeTree("one", PATHS);
  const two = await makeTree("two", [...PATHS].reverse());
  await utimes(join(two, "bin/a"), 1, 1);
  assert.equal(await tarDigest(one), await tarDigest(two));
});

test("tarDigest() changes with a byte, a mode and a name", async () => {
  const digests = new Set<string>();
  const changes: ((tree: string) => Promise<void>)[] = [
    async () => undefined,
    (tree) => writeFile(join(tree, "etc/b"), "other"),
    (tree) => chmod(join(tree, "etc/b"), 0o600),
    (tree) => writeFile(join(tree, "etc/c"), ""),
  ];
  for (const [index, change] of changes.entries()) {
    const tree = await makeTree(`tree${index}`, PATHS);
    await change(tree);
    digests.add(await tarDigest(tree));
  }
  assert.equal(digests.size, changes.length);
});
