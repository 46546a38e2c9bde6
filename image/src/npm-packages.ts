import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { BuildError } from "./errors.ts";
import { checkoutDir } from "./paths.ts";

/** An npm package that went in, whole or in part. */
export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  /** Hex digest of its archive, from the lockfile. */
  readonly sha512?: string;
}

/** What package.json and lockfile say of the package in a folder, which is named from the checkout. */
export async function npmPackage(folder: string): Promise<NpmPackage> {
  const lockfile: { packages: Record<string, { integrity?: string }> } = JSON.parse(
    await readFile(join(checkoutDir, "package-lock.json"), "utf8"),
  );
  const locked = lockfile.packages[folder];
  if (locked === undefined) {
    throw new BuildError("input_missing", `Record package '${folder}' failed: it is not in package-lock.json`);
  }
  return describePackage(JSON.parse(await readFile(join(checkoutDir, folder, "package.json"), "utf8")), locked);
}

/** A package by its package.json and its entry in the lockfile. */
export function describePackage(
  { name, version, license }: { name: string; version: string; license?: unknown },
  { integrity }: { integrity?: string },
): NpmPackage {
  const [, base64] = /(?:^| )sha512-(\S+)/.exec(integrity ?? "") ?? [];
  return {
    name,
    version,
    ...(typeof license === "string" ? { license } : {}),
    ...(base64 === undefined ? {} : { sha512: Buffer.from(base64, "base64").toString("hex") }),
  };
}
