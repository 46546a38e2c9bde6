/** For tests: runs `ensureLocalCluster` with the JSON arguments given, and prints each step, to be killed at one. */
import { ensureLocalCluster } from "./ensure.ts";
import type { LocalClusterSpec } from "./spec.ts";

const [workspaceDir = "", spec = ""] = process.argv.slice(2);
await ensureLocalCluster(JSON.parse(spec) as LocalClusterSpec, {
  workspaceDir,
  onProgress: ({ step }) => process.stdout.write(`${step}\n`),
});
process.stdout.write("done\n");
