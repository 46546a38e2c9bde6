import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** Top folder of the checkout. */
export const checkoutDir = resolve(import.meta.dirname, "../..");

/** Folder of the image's definition: mkosi files, components, manifests. */
export const imageDir = join(checkoutDir, "image");

/** Folder that holds what builds hand to users: `image/constellation.raw` and its measurements. */
export const buildDir = join(checkoutDir, "build");

/** Folder of content-keyed build results, outside the checkout; `CONSTELLATION_CACHE` overrides it. */
export function cacheDir(): string {
  const own = setting("CONSTELLATION_CACHE");
  if (own !== undefined) return resolve(own);
  return join(setting("XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "constellation");
}

/** Folder of the Debian tree with the build and machine tools; `CONSTELLATION_TOOLS_TREE` overrides it. */
export function toolsTreeDir(): string {
  return setting("CONSTELLATION_TOOLS_TREE") ?? join(cacheDir(), "tools-tree");
}

/** An environment variable; an empty one counts as not set. */
function setting(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}
