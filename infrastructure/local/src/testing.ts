/** What tests of this package share: temporary folders, and whether the real programs are here. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { firmware, toolCommand } from "./tools-tree.ts";

/** A reason to skip tests that need these programs and the firmware, or false when all are here. */
export function missingTools(...names: string[]): string | false {
  try {
    for (const name of names) toolCommand(name);
    firmware();
    return false;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * A folder that goes when the test ends, after `beforeRemoval`; its path is short enough for unix sockets in it.
 * (Hooks run in the order in which they were added, so what uses the folder must end in this one.)
 */
export async function temporaryFolder(
  t: Pick<TestContext, "after">,
  beforeRemoval: (folder: string) => Promise<void> = async () => undefined,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "cl-"));
  t.after(async () => {
    await beforeRemoval(folder);
    await rm(folder, { recursive: true, force: true });
  });
  return folder;
}
