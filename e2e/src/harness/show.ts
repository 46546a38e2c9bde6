import { type TestContext, test } from "node:test";
import { diagnose } from "./diagnosis.ts";
import type { MiniCluster } from "./mini-cluster.ts";
import { say } from "./say.ts";

/** Gives the cluster that a file's tests share; throws when it could not be made. */
export type SharedCluster = () => MiniCluster;

/**
 * Defines a test on the shared cluster. When it fails, consoles and logs go to the test's log first. One that `ends`
 * the cluster is skipped where it is to be kept.
 */
export function show(
  title: string,
  shared: SharedCluster,
  work: (cluster: MiniCluster, t: TestContext) => Promise<void>,
  { ends = false }: { ends?: boolean } = {},
): void {
  void test(title, async (t) => {
    const cluster = shared();
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
