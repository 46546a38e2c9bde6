import { BuildError } from "./errors.ts";
import { ensureToolsTree } from "./tools-tree.ts";

/** Makes the tools tree if need be: `make install` calls this. */
await ensureToolsTree().catch((error: unknown) => {
  if (!(error instanceof BuildError)) throw error;
  console.error(`install: ${error.message}`);
  if (error.hint !== undefined) console.error(`hint: ${error.hint}`);
  process.exitCode = 1;
});
