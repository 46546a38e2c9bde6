import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ConnectRouter } from "@connectrpc/connect";
import { exec, ExecError } from "@constellation/exec";
import { serveUnix } from "@constellation/rpc";
import { Controller, Identity, PluginCapability_Service_Type as Service } from "@constellation/rpc/csi/v1";
import { cacheFolder } from "@constellation/testkit/tool";
import { STATUSES } from "./errors.ts";
import type { Files } from "./kernel/files.ts";
import { nodeFiles } from "./kernel/node-files.ts";
import { layerRoutes } from "./layer.ts";
import { sanityController } from "./testing/sanity-controller.ts";
import { DRIVER, MIB, World } from "./testing/world.ts";

const SANITY = join(cacheFolder(), "components/current/bin/csi-sanity");

/** The suite looks whether target paths come and go: these are made for real beside the model. */
function withRealPaths(model: Files, folder: string): Files {
  const real = (path: string): boolean => path.startsWith(`${folder}/`);
  return {
    ...model,
    makeDirectory: async (path) => {
      await model.makeDirectory(path);
      if (real(path)) await nodeFiles.makeDirectory(path);
    },
    makeFile: async (path) => {
      await model.makeFile(path);
      if (real(path)) await nodeFiles.makeFile(path);
    },
    remove: async (path) => {
      await model.remove(path);
      if (real(path)) await nodeFiles.remove(path);
    },
  };
}

/** The vendor of the world with a controller, as the suite asks for both. */
function sanityVendor(world: World): (router: ConnectRouter) => void {
  return (router) => {
    world.vendor.nodeRoutes(router);
    router.service(Controller, sanityController(world));
    router.service(Identity, {
      getPluginInfo: () => ({ name: DRIVER, vendorVersion: "1" }),
      getPluginCapabilities: () => ({
        capabilities: [{ type: { case: "service", value: { type: Service.CONTROLLER_SERVICE } } }],
      }),
      probe: () => ({ ready: true }),
    });
  };
}

for (const access of ["mount", "block"]) {
  test(`the layer before a vendor conforms to the CSI specification: csi-sanity with ${access} volumes`, {
    skip: existsSync(SANITY) ? false : "csi-sanity is not built: make components",
  }, async (context) => {
    const folder = await mkdtemp(join(tmpdir(), "csi-sanity-"));
    context.after(() => rm(folder, { recursive: true, force: true }));
    const world = new World();
    world.port = withRealPaths(world.kernel.port, folder);
    world.routes = sanityVendor(world);
    world.restart();
    const path = join(folder, "csi.sock");
    const server = await serveUnix({ path, mode: 0o600, routes: layerRoutes(world.context), statuses: STATUSES });
    context.after(() => server.close());
    const args = [
      `--csi.endpoint=unix://${path}`,
      `--csi.mountdir=${join(folder, "mount")}`,
      `--csi.stagingdir=${join(folder, "staging")}`,
      `--csi.testvolumeaccesstype=${access}`,
      `--csi.testvolumesize=${128 * MIB}`,
      `--csi.testvolumeexpandsize=${256 * MIB}`,
      "--ginkgo.no-color",
    ];
    const { stdout } = await exec({ program: SANITY, args, timeoutMs: 500_000 }, new AbortController().signal).catch(
      (error: unknown) =>
        assert.fail(error instanceof ExecError ? `${error.message}\n${error.stderrTail}` : String(error)),
    );
    const [, passed = "0"] = /(\d+) Passed/.exec(stdout) ?? [];
    context.diagnostic(stdout.trim().split("\n").at(-2) ?? "");
    assert.ok(Number(passed) >= 30, stdout.slice(-2_000));
    assert.deepEqual(world.kernel.violations, []);
    assert.deepEqual([world.kernel.mappings, world.kernel.mounts], [[], []]);
  });
}
