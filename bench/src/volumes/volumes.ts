import { join } from "node:path";
import { diagnose } from "@constellation/e2e/src/harness/diagnosis.ts";
import { MiniCluster } from "@constellation/e2e/src/harness/mini-cluster.ts";
import { runScript } from "@constellation/e2e/src/harness/script-pod.ts";
import { minutes } from "@constellation/e2e/src/harness/wait.ts";
import type { Row } from "../row.ts";
import type { Report } from "./report.ts";
import { rowsOf } from "./rows.ts";

const SCRIPT = join(import.meta.dirname, "in-pod.ts");
/** Software ciphers on an emulated processor move a few megabytes a second. */
const SCRIPT_MS = minutes(90);

/**
 * New volumes and the bytes on them, in a virtual machine: by the encryption layer's own code, over files in memory, so
 * that nothing but the encryption differs.
 */
export async function benchVolumes(): Promise<Row[]> {
  const cluster = await MiniCluster.prepare();
  try {
    const { exitCode, stderr } = await cluster.up();
    if (exitCode !== 0) throw new Error(`Create cluster failed: exit ${exitCode}, wanted 0: ${stderr.slice(-2_000)}`);
    const report = await runScript(await cluster.kubectl(), {
      name: "bench-volumes",
      namespace: "kube-system",
      file: SCRIPT,
      args: ["/work", "/run/bench"],
      image: "csi",
      privileged: { memory: "2Gi" },
      timeoutMs: SCRIPT_MS,
    });
    return rowsOf(report as unknown as Report);
  } catch (error) {
    await diagnose(cluster);
    throw error;
  } finally {
    await cluster.remove();
  }
}
