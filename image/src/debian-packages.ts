import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256File } from "./cache.ts";
import { BuildError } from "./errors.ts";
import { run } from "./run.ts";

/** A Debian package that went into a tree. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Source package it was built from. */
  readonly source: string;
  /** Digest of its `.deb`. */
  readonly sha256: string;
}

/** All package files in a folder of apt's, in order of their names. */
export async function packagesInArchive(archive: string): Promise<DebianPackage[]> {
  const files = (await readdir(archive)).filter((name) => name.endsWith(".deb")).sort();
  if (files.length === 0) throw new BuildError("input_missing", `Record packages of '${archive}' failed: it has none`);
  const packages: DebianPackage[] = [];
  for (const file of files) packages.push(await readPackage(join(archive, file)));
  return packages;
}

/** The packages that a manifest of mkosi's names, by their files in a folder of apt's. */
export async function packagesOfManifest(path: string, archive: string): Promise<DebianPackage[]> {
  const manifest: { packages: { name: string; version: string; architecture: string }[] } = JSON.parse(
    await readFile(path, "utf8"),
  );
  const packages: DebianPackage[] = [];
  for (const { name, version, architecture } of manifest.packages) {
    // apt writes the colon after an epoch so.
    packages.push(await readPackage(join(archive, `${name}_${version.replace(":", "%3a")}_${architecture}.deb`)));
  }
  return packages;
}

async function readPackage(path: string): Promise<DebianPackage> {
  const format = showFormat("Package", "Version", "Architecture", "source:Package");
  const shown = await run("dpkg-deb", ["--show", format, path]);
  const [name = "", version = "", architecture = "", source = ""] = shown.trimEnd().split("\t");
  return { name, version, architecture, source, sha256: await sha256File(path) };
}

/** Name and version of each package that is installed in a tree. */
export async function installedPackages(tree: string): Promise<Record<string, string>> {
  const args = [`--admindir=${join(tree, "var/lib/dpkg")}`, "--show", showFormat("Package", "Version")];
  const lines = (await run("dpkg-query", args)).trimEnd().split("\n").sort();
  return Object.fromEntries(lines.map((line) => line.split("\t")));
}

/** dpkg's option for one line with these fields, tabs between them. */
function showFormat(...fields: readonly string[]): string {
  return `--showformat=${fields.map((field) => `\${${field}}`).join("\\t")}\\n`;
}
