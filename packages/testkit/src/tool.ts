import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";

/** How to start a program: what to execute, and the arguments before its own. */
export interface ToolCommand {
  readonly program: string;
  readonly args: readonly string[];
}

const LIBRARY_DIRS = ["usr/lib/x86_64-linux-gnu/swtpm", "usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/systemd"];

/**
 * The folder in which builds keep tools and components: `CONSTELLATION_CACHE`, else the user's cache. An empty variable
 * counts as none.
 */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const own = environment["CONSTELLATION_CACHE"] ?? "";
  if (own !== "") return resolve(own);
  const base = environment["XDG_CACHE_HOME"] ?? "";
  return join(base === "" ? join(homedir(), ".cache") : base, "constellation");
}

/**
 * Finds a program of the tools tree (`CONSTELLATION_TOOLS_TREE`, else in the cache), to be run by the tree's own
 * loader, or one on the PATH. Undefined where neither has it; tests that need it then skip.
 * @param path the program's path in a Debian system, for example `usr/bin/swtpm`
 */
export function findTool(path: string, environment: NodeJS.ProcessEnv = process.env): ToolCommand | undefined {
  const own = environment["CONSTELLATION_TOOLS_TREE"] ?? "";
  const tree = own === "" ? join(cacheFolder(environment), "tools-tree") : own;
  const inTree = join(tree, path);
  if (existsSync(inTree)) {
    const libraries = LIBRARY_DIRS.map((dir) => join(tree, dir)).join(":");
    return { program: join(tree, "lib64/ld-linux-x86-64.so.2"), args: ["--library-path", libraries, inTree] };
  }
  const name = path.slice(path.lastIndexOf("/") + 1);
  const onPath = (environment["PATH"] ?? "")
    .split(delimiter)
    .map((dir) => join(dir, name))
    .find((candidate) => existsSync(candidate));
  return onPath === undefined ? undefined : { program: onPath, args: [] };
}
