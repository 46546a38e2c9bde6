import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { describeError, type Log } from "@constellation/pod";
import { type RpcServer, serveUnix } from "@constellation/rpc";
import { Registration } from "@constellation/rpc/pluginregistration/v1";
import { STATUSES } from "../errors.ts";
import { layerRoutes } from "../layer.ts";
import type { NodeContext } from "../node/context.ts";
import { layerSocket, type RegistrationFolders, registrationSocket } from "./paths.ts";

/** What the kubelet said about a registration. */
export interface RegistrationOutcome {
  readonly registered: boolean;
  readonly error: string;
}

/** What a driver is served with. */
export interface DriverServerOptions {
  readonly context: NodeContext;
  readonly versions: readonly string[];
  readonly folders: RegistrationFolders;
  readonly log: Log;
  /** Hears what the kubelet says. */
  readonly onOutcome: (outcome: RegistrationOutcome) => void;
}

/**
 * Serves the layer for one driver, and registers it with the kubelet under the driver's own name.
 * @returns what ends it: first the registration, so that the kubelet knows that the driver is gone
 */
export async function serveDriver(options: DriverServerOptions): Promise<{ close(): Promise<void> }> {
  const { context, folders, log } = options;
  const { driver } = context;
  const endpoint = layerSocket(folders, driver);
  await mkdir(dirname(endpoint), { recursive: true, mode: 0o750 });
  const onError = (error: unknown): void => log.record("call-failed", { driver, error: describeError(error) });
  const layer = await serveUnix({
    path: endpoint,
    mode: 0o600,
    routes: layerRoutes(context),
    statuses: STATUSES,
    onError,
  });
  const registration = await serveRegistration(options, endpoint, onError).catch(async (error: unknown) => {
    await layer.close();
    throw error;
  });
  log.record("driver-served", { driver, endpoint });
  return {
    async close() {
      await registration.close();
      await layer.close();
      await context.plugin.close();
    },
  };
}

async function serveRegistration(
  { context, versions, folders, log, onOutcome }: DriverServerOptions,
  endpoint: string,
  onError: (error: unknown) => void,
): Promise<RpcServer<string>> {
  const { driver } = context;
  return await serveUnix({
    path: registrationSocket(folders, driver),
    mode: 0o600,
    onError,
    routes: (router) =>
      router.service(Registration, {
        getInfo: () => ({ type: "CSIPlugin", name: driver, endpoint, supportedVersions: [...versions] }),
        notifyRegistrationStatus: ({ pluginRegistered: registered, error }) => {
          log.record("driver-registered", { driver, registered, ...(error === "" ? {} : { error }) });
          onOutcome({ registered, error });
          return {};
        },
      }),
  });
}
