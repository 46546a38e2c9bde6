/**
 * A cluster whose root key is in a KMS on this computer: the CLI deletes its master secret; all machines lose power at
 * once and come back with nobody touching them, also when the KMS is down for a while.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, suite } from "node:test";
import { CONFIG_FILE, MASTER_SECRET_FILE } from "@constellation/config";
import { GUEST_NETWORK, startNode, stopNode } from "@constellation/infrastructure-local";
import { clusterKmsDependencies, openClusterKms } from "@constellation/kms";
import { PyKmip } from "@constellation/kms/testing";
import { stringify } from "yaml";
import { bootsOf, untilReady } from "./harness/boots.ts";
import type { MiniCluster } from "./harness/mini-cluster.ts";
import { say } from "./harness/say.ts";
import { show } from "./harness/show.ts";
import { minutes, waitUntil } from "./harness/wait.ts";
import { shareCluster } from "./shows/up.ts";

const NAMES = ["control-plane-0", "worker-0"] as const;
const BACK_MS = minutes(40);
const WAITS_MS = minutes(15);
const SECRET = { apiVersion: "v1", kind: "Secret", metadata: { name: "kept", namespace: "default" } };
const CREDENTIALS_FOLDER = "kms";

void suite("a cluster with its root key in a KMS", { timeout: minutes(180) }, () => {
  let pykmip: PyKmip;
  const shared = shareCluster({}, async (cluster) => {
    // Nodes reach this computer at the gateway's address, on the ports that the configuration names.
    pykmip = await PyKmip.start([GUEST_NETWORK.gateway]);
    await makeKey(pykmip);
    await configureKms(cluster, pykmip);
  });
  after(() => pykmip?.stop());

  show("the root key is in the KMS, and nowhere in the workspace or the cluster", shared, async (own) => {
    assert.equal(existsSync(join(own.workspace, MASTER_SECRET_FILE)), false);
    const kubectl = await own.kubectl();
    const names = ["--namespace=kube-system", "get", "secret", "constellation-master-secret"];
    const { data } = await kubectl.json<{ data: Record<string, string> }>(names);
    assert.deepEqual(Object.keys(data).toSorted(), ["mastersecret.wrapped", "salt"]);
    const log = await kubectl.run(["--namespace=kube-system", "logs", "daemonset/key-service"]);
    assert.match(
      log,
      /"event":"root-unwrap","outcome":"opened","generation":1,"kms":"kms:\/\/kmip at 10\.42\.0\.1:\d+"/,
    );
    await kubectl.apply({ ...SECRET, stringData: { value: "still here" } });
  });

  show("after all machines lost power, the cluster comes back by itself", shared, async (own) => {
    const boots = await bootsOf(own);
    await powerCycle(own);
    await untilReady(own, NAMES, boots, BACK_MS);
    assert.match(await own.console(NAMES[0]), /state disk: opened with the key from the KMS/);
    const kubectl = await own.kubectl();
    const value = await kubectl.run(["get", "secret", "kept", "--output=jsonpath={.data.value}"]);
    assert.equal(Buffer.from(value, "base64").toString(), "still here");
    assert.equal((await own.cli("verify")).exitCode, 0);
  });

  show("with the KMS down, the control plane waits, says why, and goes on when it is back", shared, async (own) => {
    const boots = await bootsOf(own);
    const seen = (await own.console(NAMES[0])).length;
    const saidSince = async (): Promise<string> => (await own.console(NAMES[0])).slice(seen);
    await pykmip.halt();
    await powerCycle(own);
    await waitUntil({ what: "the control plane to say what it waits for", timeoutMs: WAITS_MS }, async () => {
      // Whether the gateway refuses a port on which nobody listens, or leaves it without an answer, is its own.
      const waits = /waiting for KMS kms:\/\/kmip at 10\.42\.0\.1:\d+: kms_(?:unreachable|timeout)/;
      return waits.test(await saidSince()) ? true : undefined;
    });
    const refused = await own.cli("recover");
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, /the master secret was deleted/);
    await pykmip.resume();
    await untilReady(own, NAMES, boots, BACK_MS);
    assert.match(await saidSince(), /state disk: opened with the key from the KMS/);
  });
});

async function makeKey(pykmip: PyKmip): Promise<void> {
  const { signal } = new AbortController();
  const { uri, credentials } = await pykmip.forCluster("kek");
  const { kms } = await openClusterKms({ kms: uri, storage: "", credentials }, clusterKmsDependencies(), signal);
  await kms.createKey?.(signal);
}

/** As a user would: files into the workspace, a section into the configuration. */
async function configureKms(cluster: MiniCluster, pykmip: PyKmip): Promise<void> {
  const { uri, credentials } = await pykmip.forCluster("kek", { host: GUEST_NETWORK.gateway });
  await mkdir(join(cluster.workspace, CREDENTIALS_FOLDER), { mode: 0o700 });
  const paths: Record<string, string> = {};
  for (const [name, secret] of credentials) {
    paths[name] = join(CREDENTIALS_FOLDER, name);
    await writeFile(join(cluster.workspace, CREDENTIALS_FOLDER, name), secret.reveal(), { mode: 0o600 });
  }
  const section = stringify({ keyManagement: { kms: uri, credentials: paths } }, { lineWidth: 0 });
  await appendFile(join(cluster.workspace, CONFIG_FILE), section);
}

async function powerCycle(cluster: MiniCluster): Promise<void> {
  say("all machines lose power");
  for (const name of NAMES) await stopNode(cluster.workspace, name);
  for (const name of NAMES) await startNode(cluster.workspace, name);
}
