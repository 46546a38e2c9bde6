import { type TestContext, test } from "node:test";
import { diagnose } from "./diagnosis.ts";
import { isTooLate, LAST_START } from "./last-start.ts";
import type { MiniCluster } from "./mini-cluster.ts";
import { say } from "./say.ts";

/**
 * Gives the cluster that a file's tests share: undefined when it would have been ready after the last start.
 * @throws when it could not be made
 */
export type SharedCluster = () => MiniCluster | undefined;

/**
 * Defines a test on the shared cluster. When it fails, consoles and logs go to the test's log first. One that `ends`
 * the cluster is skipped where it is to be kept, and any that comes after the last start.
 */
export function show(
  title: string,
  shared: SharedCluster,
  work: (cluster: MiniCluster, t: TestContext) => Promise<void>,
  { ends = false }: { ends?: boolean } = {},
): void {
  void test(title, async (t) => {
    if (isTooLate(process.env[LAST_START], Date.now())) return t.skip(`it would start after ${LAST_START}`);
    const cluster = shared();
    if (cluster === undefined) return t.skip(`a cluster would be ready after ${LAST_START}`);
    if (ends && cluster.kept) return t.skip("the cluster is to be kept");
    say(`=== ${title}`);
    try {
      await work(cluster, t);
    } catch (error) {
      say(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
      await diagnose(cluster);
      throw error;
    }
  });
}
