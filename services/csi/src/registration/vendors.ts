import { lstat, mkdir, readdir } from "node:fs/promises";
import { watch } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describeError, type Log } from "@constellation/pod";
import { createUnixClient } from "@constellation/rpc";
import { Registration } from "@constellation/rpc/pluginregistration/v1";
import { unixPlugin } from "../plugin/connect.ts";
import type { NodeContext } from "../node/context.ts";
import { type DriverServerOptions, serveDriver } from "./driver-server.ts";
import { type DriverInfo, parseInfo } from "./info.ts";
import { isOwnRegistration, type RegistrationFolders } from "./paths.ts";

const CALL_TIMEOUT_MS = 10_000;
/** Sockets are looked at again so often, whatever the watch tells: it may lose events. */
const LOOK_AGAIN_MS = 30_000;
/** A registrar makes its socket and only then serves it: looked at again after a moment. */
const RETRY_MS = 1_000;

/** What serves drivers of vendors. */
export interface VendorsParts {
  readonly folders: RegistrationFolders;
  readonly log: Log;
  readonly contextOf: (driver: string, plugin: NodeContext["plugin"]) => NodeContext;
  /** Names that vendors can't have: those of drivers in this process. */
  readonly reserved: ReadonlySet<string>;
  /** Serves one driver; a test may put something else in its place. */
  readonly serve?: (options: DriverServerOptions) => Promise<{ close(): Promise<void> }>;
}

interface Served {
  readonly driver: string;
  readonly identity: string;
  readonly server: { close(): Promise<void> };
}

/**
 * Stands where vendors' registrars think that the kubelet is: watches the shadow folder as the kubelet watches its own,
 * serves the layer for each driver found there, and tells the registrar what the kubelet says. Level-based: each pass
 * compares what is there with what is served.
 */
export class Vendors {
  readonly #parts: VendorsParts;
  /** Sockets in the kubelet's own folder that were told of. */
  readonly #strangers = new Set<string>();
  /** By the registrar's socket. */
  readonly #served = new Map<string, Served>();

  constructor(parts: VendorsParts) {
    this.#parts = parts;
  }

  /** Serves until the signal says stop, and closes everything then. */
  async run(signal: AbortSignal): Promise<void> {
    const { shadow } = this.#parts.folders;
    await mkdir(shadow, { recursive: true, mode: 0o750 });
    let changed = Promise.withResolvers<void>();
    const watcher = watch(shadow, { recursive: true }, () => changed.resolve());
    watcher.on("error", (error) => this.#parts.log.record("watch-failed", { error: describeError(error) }));
    try {
      while (!signal.aborted) {
        changed = Promise.withResolvers<void>();
        const again = (await this.pass()) ? LOOK_AGAIN_MS : RETRY_MS;
        await Promise.race([changed.promise, delay(again, undefined, { signal }).catch(() => {})]);
      }
    } finally {
      watcher.close();
      for (const { server } of this.#served.values()) await server.close();
      this.#served.clear();
    }
  }

  /** Compares once. @returns whether every registrar that is there is served */
  async pass(): Promise<boolean> {
    const sockets = await socketsIn(this.#parts.folders.shadow);
    for (const [socket, served] of this.#served) {
      if (sockets.get(socket) !== served.identity) await this.#stop(socket, served);
    }
    let complete = true;
    for (const [socket, identity] of sockets) {
      if (!this.#served.has(socket)) complete = (await this.#tryStart(socket, identity)) && complete;
    }
    await this.#tellOfStrangers();
    return complete;
  }

  /** A driver whose pod reached the kubelet's folder some other way gives volumes that nobody encrypts: that is told. */
  async #tellOfStrangers(): Promise<void> {
    const { registry } = this.#parts.folders;
    const found = [...(await socketsIn(registry)).keys()].filter((path) => !isOwnRegistration(path));
    for (const socket of found) {
      if (this.#strangers.has(socket)) continue;
      this.#strangers.add(socket);
      this.#parts.log.record("registered-past-the-layer", { socket });
    }
  }

  async #tryStart(socket: string, identity: string): Promise<boolean> {
    try {
      await this.#start(socket, identity);
      return true;
    } catch (error) {
      this.#parts.log.record("registration-failed", { socket, error: describeError(error) });
      return false;
    }
  }

  async #start(socket: string, identity: string): Promise<void> {
    const { folders, log, contextOf, reserved, serve = serveDriver } = this.#parts;
    const registrar = createUnixClient(Registration, socket, { timeoutMs: CALL_TIMEOUT_MS });
    try {
      const info = parseInfo(await registrar.client.getInfo({}), socket, folders);
      const refusal = "refused" in info ? info.refused : this.#taken(info, reserved);
      if ("refused" in info || refusal !== undefined) {
        log.record("registration-refused", { socket, reason: refusal });
        await registrar.client.notifyRegistrationStatus({ pluginRegistered: false, error: refusal ?? "" });
        this.#served.set(socket, { driver: "", identity, server: { close: () => Promise.resolve() } });
        return;
      }
      const onOutcome = ({ registered, error }: { registered: boolean; error: string }): void => {
        void this.#tell(socket, { pluginRegistered: registered, error });
      };
      const context = contextOf(info.driver, unixPlugin(info.endpoint));
      const server = await serve({ context, versions: info.versions, folders, log, onOutcome });
      this.#served.set(socket, { driver: info.driver, identity, server });
    } finally {
      await registrar.close();
    }
  }

  #taken({ driver }: DriverInfo, reserved: ReadonlySet<string>): string | undefined {
    if (!reserved.has(driver) && ![...this.#served.values()].some((served) => served.driver === driver))
      return undefined;
    return `Register driver failed: got "${driver}", which another plugin serves, wanted a name of its own`;
  }

  async #tell(socket: string, status: { pluginRegistered: boolean; error: string }): Promise<void> {
    const registrar = createUnixClient(Registration, socket, { timeoutMs: CALL_TIMEOUT_MS });
    try {
      await registrar.client.notifyRegistrationStatus(status);
    } catch (error) {
      this.#parts.log.record("registrar-unreachable", { socket, error: describeError(error) });
    } finally {
      await registrar.close();
    }
  }

  async #stop(socket: string, { driver, server }: Served): Promise<void> {
    this.#served.delete(socket);
    if (driver !== "") this.#parts.log.record("driver-gone", { driver });
    await server.close();
  }
}

/** Sockets of registrars, by path, with what tells one from another that was made there later. */
async function socketsIn(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of await readdir(folder, { recursive: true })) {
    // As the kubelet: names with a dot in front are of files that are not ready.
    if (basename(name).startsWith(".")) continue;
    const path = join(folder, name);
    const status = await lstat(path, { bigint: true }).catch(() => undefined);
    if (status?.isSocket()) found.set(path, `${status.ino} ${status.ctimeNs}`);
  }
  return found;
}
