import assert from "node:assert/strict";
import { join } from "node:path";
import { localStatus, startNode } from "@constellation/infrastructure-local";
import { createMarker, searchFile } from "../harness/marker.ts";
import type { MiniCluster } from "../harness/mini-cluster.ts";
import { say } from "../harness/say.ts";
import { type SharedCluster, show } from "../harness/show.ts";
import { addForeignToken, flipCiphertext, restoreHeaders } from "../harness/state-disk-file.ts";
import { minutes, waitUntil } from "../harness/wait.ts";
import { NAMESPACE, WRITER } from "../harness/workload.ts";
import { assertComesBack, fileOf, placeOfFile, readMarker, WORKER, workerNow, writeMarker } from "./writer.ts";

const BOOT_MS = minutes(15);

/** Show 5: the disk of a node that crashed tells nothing and takes no change. */
export function showDisk(shared: SharedCluster): void {
  const marker = createMarker();

  show("a pod's file is on the worker's disk", shared, async (cluster) => {
    await writeMarker(cluster, marker);
  });

  show("status names a machine that has crashed", shared, async (cluster) => {
    await killMachine(cluster);
    const { exitCode, stdout } = await cluster.cli("status", "--output", "json");
    assert.equal(exitCode, 1);
    const { healthy, processes } = JSON.parse(stdout) as {
      healthy: boolean;
      processes: { name: string; state: string; detail?: string }[];
    };
    assert.equal(healthy, false);
    const crashed = processes.filter(({ state }) => state !== "running");
    say(JSON.stringify(crashed));
    assert.ok(crashed.some(({ name, state }) => name === `${WORKER}/machine` && state === "crashed"));
    assert.ok(crashed.every(({ name }) => name.startsWith(`${WORKER}/`)));
  });

  show("the crashed worker's disk, read offline, has no trace of the file", shared, async (cluster) => {
    const { found, dataBytes } = await searchFile(diskOf(cluster), marker);
    say(`looked through ${dataBytes} bytes`);
    assert.ok(dataBytes > 100 * 1024 * 1024, "the disk was in use");
    assert.equal(found, false);
  });

  show("a header with a foreign token is refused, and no key is used on it", shared, async (cluster) => {
    const headers = await addForeignToken(diskOf(cluster));
    const linesBefore = (await cluster.joinServiceLog()).length;
    const consoleBefore = (await cluster.console(WORKER)).length;
    await startNode(cluster.workspace, WORKER);
    const refusal = await waitUntil({ what: `${WORKER} to refuse its disk`, timeoutMs: BOOT_MS }, async () => {
      const text = (await cluster.console(WORKER)).slice(consoleBefore);
      return /failed: .*Validate LUKS2 header failed: .*tokens.*/.exec(text)?.[0];
    });
    say(refusal);
    const { address } = await cluster.record(WORKER);
    const asked = (await cluster.joinServiceLog()).slice(linesBefore).filter(({ remote }) => remote === address);
    assert.deepEqual(asked, [], "the node did not ask for its key");
    await killMachine(cluster);
    await restoreHeaders(diskOf(cluster), headers);
  });

  show("mini up starts the crashed machine again, and the pod has its file", shared, async (cluster) => {
    const before = await workerNow(cluster); // As it was before it crashed: Kubernetes has seen no boot since.
    const { exitCode } = await cluster.up();
    assert.equal(exitCode, 0, "mini up starts what has crashed");
    await assertComesBack(cluster, before);
    assert.equal(await readMarker(cluster), fileOf(marker));
  });
}

/**
 * Show 5: one flipped byte. The node has been started anew since the file was written, so that dm-integrity has written
 * its journal into place.
 */
export function showFlippedByte(shared: SharedCluster): void {
  show("after a flipped ciphertext byte the node comes back, and reading is an I/O error", shared, async (cluster) => {
    const before = await workerNow(cluster);
    const where = await placeOfFile(cluster);
    await killMachine(cluster);
    const { sector, offset } = await flipCiphertext(diskOf(cluster), where + 2 * 4096);
    say(`flipped a bit at byte ${offset} of the image, sector ${sector} of the decrypted disk`);
    const { exitCode } = await cluster.up();
    assert.equal(exitCode, 0, "mini up starts what has crashed");
    await assertComesBack(cluster, before);
    const kubectl = await cluster.kubectl();
    const args = ["--namespace", NAMESPACE, "exec", WRITER.name, "--", "/probe", "read", WRITER.file];
    const read = await kubectl.attempt(args);
    assert.equal(read.exitCode, 1);
    assert.equal(read.stdout, "", "no wrong data");
    assert.match(read.stderr, /input\/output error/);
    assert.match(await cluster.console(WORKER), new RegExp(`INTEGRITY AEAD ERROR, sector ${sector}\\b`));
  });
}

/** Ends the machine's process, which the cluster's own state names, as a crash would. */
async function killMachine(cluster: MiniCluster): Promise<void> {
  const status = await localStatus(cluster.workspace);
  const pid = status?.nodes.find(({ name }) => name === WORKER)?.machine.pid;
  assert.ok(pid !== undefined && pid !== null, "the worker's machine runs");
  process.kill(pid, "SIGKILL");
  await waitUntil({ what: "the end of the worker's machine", timeoutMs: minutes(1) }, async () => {
    const now = (await localStatus(cluster.workspace))?.nodes.find(({ name }) => name === WORKER);
    return now?.machine.state === "dead" && now.tpm.state === "dead" ? true : undefined;
  });
}

function diskOf(cluster: MiniCluster): string {
  return join(cluster.workspace, "constellation-local/nodes", WORKER, "state.img");
}
