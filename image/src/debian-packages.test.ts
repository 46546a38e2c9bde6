import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { installedPackages, packagesInArchive, packagesOfManifest } from "./debian-packages.ts";
import { run } from "./run.ts";

const CONTROL = `Package: libx++1
Source: x (2.0)
Version: 1:2.0-1+b1
Architecture: amd64
Maintainer: Somebody <somebody@example.com>
Description: nothing
`;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "debian-"));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

/** A folder as apt leaves it, with one package. */
async function makeArchive(): Promise<{ archive: string; file: string }> {
  const archive = join(dir, "archives");
  const tree = join(dir, "tree");
  await mkdir(join(tree, "DEBIAN"), { recursive: true });
  await mkdir(join(archive, "partial"), { recursive: true });
  await writeFile(join(tree, "DEBIAN/control"), CONTROL);
  await writeFile(join(archive, "lock"), "");
  const file = join(archive, "libx++1_1%3a2.0-1+b1_amd64.deb");
  await run("dpkg-deb", ["--build", "--root-owner-group", tree, file]);
  return { archive, file };
}

test("packagesInArchive() describes each package by its file", async () => {
  const { archive, file } = await makeArchive();
  const sha256 = createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
  const described = { name: "libx++1", version: "1:2.0-1+b1", architecture: "amd64", source: "x", sha256 };
  assert.deepEqual(await packagesInArchive(archive), [described]);
});

test("packagesInArchive() refuses a folder without packages", async () => {
  await assert.rejects(packagesInArchive(dir), { code: "input_missing" });
});

test("packagesOfManifest() finds the files of the packages that a manifest names", async () => {
  const { archive } = await makeArchive();
  const manifest = join(dir, "manifest.json");
  const packages = [{ type: "deb", name: "libx++1", version: "1:2.0-1+b1", architecture: "amd64" }];
  await writeFile(manifest, JSON.stringify({ packages }));
  assert.deepEqual(await packagesOfManifest(manifest, archive), await packagesInArchive(archive));
});

test("installedPackages() gives name and version of what dpkg has installed", async () => {
  await mkdir(join(dir, "var/lib/dpkg"), { recursive: true });
  const status = CONTROL.replace("\n", "\nStatus: install ok installed\n");
  await writeFile(join(dir, "var/lib/dpkg/status"), `${status}\n${status.replace("libx++1", "a")}`);
  assert.deepEqual(await installedPackages(dir), { a: "1:2.0-1+b1", "libx++1": "1:2.0-1+b1" });
});
