import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { cacheFolder } from "./tool.ts";

const REQUIREMENTS = resolve(import.meta.dirname, "../python/requirements.txt");
const VERSION = 'import sys; print("%d.%d" % sys.version_info[:2])';

/**
 * The folder with the Python packages that `scripts/python-tools` installs. Throws when it is not there: a test that
 * needs a real program must not pass without it.
 */
export function pythonTools(): string {
  const digest = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 16);
  const version = execFileSync("python3", ["-c", VERSION], { encoding: "utf8" }).trim();
  const folder = join(cacheFolder(), "python-tools", `${digest}-${version}`);
  if (existsSync(folder)) return folder;
  throw new Error(`Find Python programs failed: got no "${folder}"; run 'make python-tools'`);
}
