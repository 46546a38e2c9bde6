import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import type { ConnectRouter } from "@connectrpc/connect";
import { exec } from "@constellation/exec";
import { inClusterApi, type InClusterOptions } from "@constellation/kube/in-cluster";
import { type Closeable, type Log, serveHealth } from "@constellation/pod";
import { keyServiceKeys } from "./keys/key-service-keys.ts";
import { Kernel } from "./kernel/kernel.ts";
import { nodeFiles } from "./kernel/node-files.ts";
import { VolumeLocks } from "./locks.ts";
import type { NodeContext } from "./node/context.ts";
import { inProcessPlugin } from "./plugin/connect.ts";
import type { Plugin } from "./plugin/plugin.ts";
import { serveDriver } from "./registration/driver-server.ts";
import { registrationFolders } from "./registration/paths.ts";
import { Vendors } from "./registration/vendors.ts";
import { Rekeyer } from "./rekey/rekeyer.ts";
import { EncryptedVolumes } from "./volume/encrypted-volume.ts";
import { parseFileSystem } from "./volume/file-systems.ts";
import { OpenVolumes } from "./volume/open-volumes.ts";
import { KubeRecords } from "./volume/kube-records.ts";

/** Where the layer finds what it needs. */
export interface CsiOptions {
  readonly api: InClusterOptions;
  readonly keyService: { readonly address: string; readonly caFile: string; readonly tokenFile: string };
  /** /var/lib/kubelet, under the path that it has on the node. */
  readonly kubeletFolder: string;
  /** In memory: copies of headers, for the time of a call. */
  readonly runFolder: string;
  readonly healthPort: number;
  readonly rekeyIntervalMs: number;
}

/** A driver in this process, which stands behind the layer as any vendor's does. */
export interface OwnDriver {
  readonly name: string;
  readonly routes: (router: ConnectRouter) => void;
  /** What it does beside its calls, until the signal says stop. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/** Starts the layer: drivers of our own, those of vendors as they come, and the change of keys. */
export async function startCsi(
  options: CsiOptions,
  ownDrivers: readonly OwnDriver[],
  log: Log,
): Promise<readonly Closeable[]> {
  // A copy of a header that a dead process left there is of no use to anybody.
  await rm(options.runFolder, { recursive: true, force: true });
  await mkdir(options.runFolder, { recursive: true, mode: 0o700 });
  const stop = new AbortController();
  const keys = keyServiceKeys(options.keyService);
  const kernel = new Kernel(exec, nodeFiles);
  const records = new KubeRecords(inClusterApi(options.api));
  const volumes = new EncryptedVolumes({ kernel, records, keys, newUuid: randomUUID, parseFileSystem });
  const nameFolders = { kubelet: options.kubeletFolder, run: options.runFolder };
  const openVolumes = new OpenVolumes({ kernel, records, keys });
  const parts = { kernel, volumes, openVolumes, locks: new VolumeLocks(), folders: nameFolders, log };
  const rekeyer = new Rekeyer({ ...parts, intervalMs: options.rekeyIntervalMs });
  const shared = { ...parts, rekeyer, signal: stop.signal };
  const contextOf = (driver: string, plugin: Plugin): NodeContext => ({ driver, plugin, ...shared });
  const folders = registrationFolders(options.kubeletFolder);
  const own: Closeable[] = [];
  // Without the watch of vendors or a driver's own work the pod serves nobody: the kubelet starts it again.
  const endProcess = (event: string, fields: Record<string, string>): void => {
    if (stop.signal.aborted) return;
    log.record(event, fields);
    process.kill(process.pid, "SIGTERM");
  };
  for (const { name, routes } of ownDrivers) {
    const context = contextOf(name, inProcessPlugin(routes));
    own.push(await serveDriver({ context, versions: ["1.0.0"], folders, log, onOutcome: () => {} }));
  }
  const reserved = new Set(ownDrivers.map(({ name }) => name));
  const vendors = new Vendors({ folders, log, contextOf, reserved }).run(stop.signal);
  const drivers = ownDrivers.map(({ name, run }) =>
    run(stop.signal).catch((error: unknown) => endProcess("driver-failed", { driver: name, error: String(error) })),
  );
  const rekeying = rekeyer.run(stop.signal);
  vendors.catch((error: unknown) => endProcess("vendors-failed", { error: String(error) }));
  const health = await serveHealth({
    host: "127.0.0.1",
    port: options.healthPort,
    requireReady: () => (stop.signal.aborted ? Promise.reject(new Error("stopping")) : Promise.resolve()),
  });
  const loops: Closeable = {
    async close() {
      stop.abort();
      health.close();
      await Promise.allSettled([vendors, rekeying, ...drivers]);
    },
  };
  return [...own, loops, { close: () => keys.close() }];
}
