import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { serveUnix } from "@constellation/rpc";
import { Registration } from "@constellation/rpc/pluginregistration/v1";
import { bundleService, POD_NODE_FLAGS } from "@constellation/testkit/bundle";
import { Program } from "@constellation/testkit/program";

const MAX_RSS_BYTES = 100_000_000;

test("the layer runs as one bundled file, registers a vendor's driver, and ends cleanly", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "csi-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const kubelet = join(folder, "kubelet");
  await mkdir(join(kubelet, "plugins_registry"), { recursive: true });
  const bundle = join(folder, "csi.mjs");
  await bundleService(fileURLToPath(new URL("main.ts", import.meta.url)), bundle);
  const args = [
    "--node-name=node-0",
    `--local-volumes=${join(folder, "volumes")}`,
    `--kubelet-folder=${kubelet}`,
    `--run-folder=${join(folder, "run")}`,
    "--health-port=0",
  ];
  const program = new Program("csi", process.execPath, [...POD_NODE_FLAGS, bundle, ...args], join(folder, "csi.log"));
  let rssBytes = Number.NaN;
  await program.ready(async () => {
    const started = /"event":"started","rssBytes":(\d+)/.exec(await program.output());
    if (started === null) throw new Error("it has not started yet");
    rssBytes = Number(started[1]);
  }, 60_000);
  context.diagnostic(`resident memory at start: ${Math.round(rssBytes / 1e6)} MB`);
  assert.ok(rssBytes < MAX_RSS_BYTES, `got ${rssBytes} bytes`);

  const info = {
    type: "CSIPlugin",
    name: "vendor.example",
    endpoint: `${kubelet}/x.sock`,
    supportedVersions: ["1.0.0"],
  };
  const registrar = await serveUnix({
    path: join(kubelet, "constellation-plugins/vendor.example-reg.sock"),
    mode: 0o600,
    routes: (router) => router.service(Registration, { getInfo: () => info, notifyRegistrationStatus: () => ({}) }),
  });
  context.after(() => registrar.close());
  const socket = join(kubelet, "plugins_registry/constellation-vendor.example-reg.sock");
  await program.ready(async () => {
    if (!existsSync(socket)) throw new Error("the driver is not registered yet");
  }, 60_000);
  assert.equal(await program.stop(), 0, await program.output());
  assert.equal(existsSync(socket), false);
});
