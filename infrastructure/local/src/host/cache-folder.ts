import { homedir } from "node:os";
import { join, resolve } from "node:path";

/**
 * The folder of what builds keep outside the checkout, by the same rule as the image's build: `CONSTELLATION_CACHE`,
 * else `constellation` in `XDG_CACHE_HOME` or `~/.cache`. An empty variable counts as none.
 */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const own = environment["CONSTELLATION_CACHE"] ?? "";
  if (own !== "") return resolve(own);
  const base = environment["XDG_CACHE_HOME"] ?? "";
  return join(base === "" ? join(homedir(), ".cache") : base, "constellation");
}
