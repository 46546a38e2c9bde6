import assert from "node:assert/strict";
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { CONFIG_FILE, parseConfig, parseImageMeasurements, STATE_FILE } from "@constellation/config";
import { cli } from "../harness/cli.ts";
import { changeYaml, type MiniCluster } from "../harness/mini-cluster.ts";
import { say } from "../harness/say.ts";
import { type SharedCluster, show } from "../harness/show.ts";
import { minutes } from "../harness/wait.ts";

const ENFORCED = [4, 8, 9, 11, 12, 13, 14, 15];
const PREDICTED = [4, 8, 9, 11, 12, 13, 14];
const VERIFY_TIMEOUT_MS = minutes(5);

/** What `verify --output json` says. */
export interface Verification {
  readonly accepted: boolean;
  readonly chain: readonly string[];
  readonly pcrs: readonly { index: number; outcome: string; expected: string; actual: string }[];
  readonly checks: readonly { name: string; outcome: string; code?: string }[];
}

/** Show 3 and the second half of 9: the verdict with each register, and the booted values are the predicted ones. */
export function showVerify(shared: SharedCluster): void {
  show("verify accepts the cluster, and names each register and the chain to the TPM CA", shared, async (cluster) => {
    const { exitCode, stdout } = await cluster.cli("verify");
    say(stdout);
    assert.equal(exitCode, 0);
    assert.match(stdout, /^Verdict\s+accepted$/m);
    assert.match(stdout, /^Certificate chain\s+\S.* <- .*Constellation local TPM CA/m);
    for (const index of ENFORCED) {
      const line = `^\\s+ok\\s+PCR ${index}\\s+actual\\s+([0-9a-f]{64})\\n\\s+expected\\s+\\1$`;
      assert.match(stdout, new RegExp(line, "m"), `PCR ${index} is shown with equal values`);
    }
  });

  for (const name of ["control-plane-0", "worker-0"]) {
    show(`the booted measurements of ${name} are the predicted ones`, shared, async (cluster) => {
      const verification = await verifyNode(cluster, name, 0);
      assert.equal(verification.accepted, true);
      const predicted: Readonly<Record<string, string>> = await predictedMeasurements(cluster);
      for (const index of PREDICTED) {
        assert.equal(actual(verification, index), predicted[index], `PCR ${index} of ${name}`);
      }
    });
  }

  show("verify refuses a changed measurement with exit code 1, and names the register", shared, async (cluster) => {
    const workspace = join(cluster.folder, "changed-measurement");
    await mkdir(workspace, { recursive: true });
    await copyFile(join(cluster.workspace, STATE_FILE), join(workspace, STATE_FILE));
    await copyFile(join(cluster.workspace, CONFIG_FILE), join(workspace, CONFIG_FILE));
    const path = ["attestation", "qemuVTPM", "measurements", 11, "expected"];
    await changeYaml(join(workspace, CONFIG_FILE), path, "ab".repeat(32));
    const { exitCode, stdout } = await cli(["verify", "--workspace", workspace], VERIFY_TIMEOUT_MS);
    say(stdout);
    assert.equal(exitCode, 1);
    assert.match(stdout, /^Verdict\s+refused: 1 of \d+ checks failed$/m);
    assert.match(stdout, /^\s+PCR 11 \(pcr_mismatch\): got [0-9a-f]{64}, wanted (ab){32}$/m);
  });

  show("verify refuses another cluster's ID", shared, async (cluster) => {
    const { exitCode, stdout } = await cluster.cli("verify", "--cluster-id", "cd".repeat(32));
    assert.equal(exitCode, 1);
    assert.match(stdout, /PCR 15 \(pcr_mismatch\)/);
  });
}

/** Asks a machine itself for its evidence, and has the CLI appraise it. */
export async function verifyNode(cluster: MiniCluster, name: string, wantedExit: number): Promise<Verification> {
  const endpoint = await cluster.loopbackAddress(name);
  const { exitCode, stdout } = await cluster.cli("verify", "--node-endpoint", endpoint, "--output", "json");
  assert.equal(exitCode, wantedExit, `exit code of verify for ${name}`);
  return JSON.parse(stdout) as Verification;
}

/** The value that a register has. */
function actual(verification: Verification, index: number): string | undefined {
  return verification.pcrs.find((pcr) => pcr.index === index)?.actual;
}

/** What stands beside the image, not what stands in the configuration. */
async function predictedMeasurements(cluster: MiniCluster): Promise<Readonly<Record<string, string>>> {
  const { image } = parseConfig(await readFile(join(cluster.workspace, CONFIG_FILE), "utf8"));
  const path = join(dirname(resolve(cluster.workspace, image)), "measurements.json");
  return parseImageMeasurements(await readFile(path, "utf8"), path);
}
