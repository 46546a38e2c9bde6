import { rm } from "node:fs/promises";
import { readNetdConfig } from "./config.ts";
import { serveControl } from "./control-server.ts";
import { Netd } from "./daemon.ts";

/** Runs a cluster's network until SIGTERM or SIGINT; `configPath` is the file that `ensureLocalCluster` wrote. */
export async function runNetd(configPath: string): Promise<void> {
  const config = await readNetdConfig(configPath);
  const netd = new Netd(config, configPath);
  await netd.start();
  const control = await serveControl(config.controlSocket, (command) => netd.handle(command));
  process.on("SIGHUP", () => undefined); // the terminal of the starter is none of our business
  await new Promise<void>((resolve) => {
    process.once("SIGTERM", () => resolve());
    process.once("SIGINT", () => resolve());
  });
  control.close();
  await netd.stop();
  await rm(config.controlSocket, { force: true });
  process.exit(0);
}
