import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { createUnixClient, type RpcServer, serveUnix } from "@constellation/rpc";
import { Identity, Node } from "@constellation/rpc/csi/v1";
import { Registration, type RegistrationStatus } from "@constellation/rpc/pluginregistration/v1";
import { DRIVER, World } from "../testing/world.ts";
import { layerSocket, type RegistrationFolders, registrationFolders, registrationSocket } from "./paths.ts";
import { Vendors } from "./vendors.ts";

interface Closing {
  close(): Promise<void>;
}

describe("Vendors", () => {
  let folders: RegistrationFolders;
  let kubelet: string;
  let world: World;
  let told: RegistrationStatus[];
  let events: string[];
  let open: Closing[];
  let vendors: Vendors;
  let stop: AbortController;
  let heard: PromiseWithResolvers<void>;

  beforeEach(async () => {
    kubelet = await mkdtemp(join(tmpdir(), "csi-"));
    folders = registrationFolders(kubelet);
    await mkdir(folders.shadow);
    await mkdir(folders.registry);
    world = new World();
    [told, events, open] = [[], [], []];
    heard = Promise.withResolvers();
    stop = new AbortController();
    const log = { record: (event: string): void => void events.push(event) };
    vendors = new Vendors({
      folders,
      log,
      contextOf: (driver, plugin) => ({ ...world.context, driver, plugin }),
      reserved: new Set(["local.csi.constellation.internal"]),
    });
  });
  afterEach(async () => {
    stop.abort();
    await vendors.run(stop.signal);
    for (const one of open) await one.close();
    await rm(kubelet, { recursive: true });
  });

  const plugin = (): string => join(kubelet, "vendor.sock");

  /** A vendor's registrar and its plugin, as the chart starts them. */
  async function register(info: object = {}, file = "vendor-reg.sock"): Promise<RpcServer<string>> {
    const told_ = (status: RegistrationStatus): object => {
      told.push(status);
      heard.resolve();
      return {};
    };
    const answer = { type: "CSIPlugin", name: DRIVER, endpoint: plugin(), supportedVersions: ["1.0.0"], ...info };
    const server = await serveUnix({
      path: join(folders.shadow, file),
      mode: 0o600,
      routes: (router) => router.service(Registration, { getInfo: () => answer, notifyRegistrationStatus: told_ }),
    });
    open.push(server);
    return server;
  }

  async function withKubelet<T>(
    use: (client: ReturnType<typeof createUnixClient<typeof Registration>>["client"]) => Promise<T>,
  ): Promise<T> {
    const kubeletClient = createUnixClient(Registration, registrationSocket(folders, DRIVER), { timeoutMs: 5_000 });
    try {
      return await use(kubeletClient.client);
    } finally {
      await kubeletClient.close();
    }
  }

  test("registers a driver under its own name with a socket of the layer's, and hands the kubelet's word on", async () => {
    open.push(await serveUnix({ path: plugin(), mode: 0o600, routes: world.vendor.routes }));
    await register();
    assert.equal(await vendors.pass(), true);
    await withKubelet(async (client) => {
      const { name, endpoint, type } = await client.getInfo({});
      assert.deepEqual([type, name, endpoint], ["CSIPlugin", DRIVER, layerSocket(folders, DRIVER)]);
      await client.notifyRegistrationStatus({ pluginRegistered: true });
    });
    await heard.promise;
    assert.equal(told[0]?.pluginRegistered, true);
    const node = createUnixClient(Node, layerSocket(folders, DRIVER), { timeoutMs: 5_000 });
    const identity = createUnixClient(Identity, layerSocket(folders, DRIVER), { timeoutMs: 5_000 });
    open.push(node, identity);
    assert.equal((await node.client.nodeGetInfo({})).nodeId, "node-1");
    assert.equal((await identity.client.getPluginInfo({})).name, DRIVER);
  });

  test("lets the kubelet know when a driver has gone, and registers it again when it is back", async () => {
    const registrar = await register();
    await vendors.pass();
    await registrar.close();
    await vendors.pass();
    await assert.rejects(withKubelet((client) => client.getInfo({})));
    await register();
    await vendors.pass();
    assert.equal(await withKubelet(async (client) => (await client.getInfo({})).name), DRIVER);
  });

  test("tells once of a driver that registered past it", async () => {
    const server = await serveUnix({ path: join(folders.registry, "x-reg.sock"), mode: 0o600, routes: () => {} });
    open.push(server);
    await register();
    await vendors.pass();
    await vendors.pass();
    assert.equal(events.filter((event) => event === "registered-past-the-layer").length, 1);
  });

  test("waits for a registrar that does not answer yet", async () => {
    const server = await register({}, "dead.sock");
    await server.close();
    // What a killed registrar leaves behind.
    const { createServer } = await import("node:net");
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(join(folders.shadow, "dead.sock"), resolve));
    dead.on("connection", (socket) => socket.destroy());
    assert.equal(await vendors.pass(), false);
    await new Promise((resolve) => dead.close(resolve));
    assert.ok(events.includes("registration-failed"));
  });

  const refused: [string, object][] = [
    ["another kind of plugin", { type: "DevicePlugin" }],
    ["a name with a path in it", { name: "../x" }],
    ["the name of a driver of ours", { name: "local.csi.constellation.internal" }],
    ["a socket that the kubelet's folder does not hold", { endpoint: "/run/other.sock" }],
    ["a socket with steps back", { endpoint: "/var/lib/kubelet/../../x" }],
    ["no version that is known", { supportedVersions: ["0.3.0"] }],
  ];
  for (const [what, info] of refused) {
    test(`refuses ${what}, and tells the registrar`, async () => {
      await register(info);
      await vendors.pass();
      assert.deepEqual([told[0]?.pluginRegistered, /wanted/.test(told[0]?.error ?? "")], [false, true]);
      assert.ok(!events.includes("driver-served"));
    });
  }

  test("gives a name to the first who has it", async () => {
    await register();
    await register({}, "z-second.sock");
    await vendors.pass();
    assert.equal(events.filter((event) => event === "driver-served").length, 1);
    assert.equal(told[0]?.pluginRegistered, false);
  });
});
