import { readJson } from "../host/atomic-file.ts";
import { LocalError } from "../errors.ts";
import type { Backend } from "./load-balancer.ts";

/** A machine's place on the switch. */
export interface PortConfig {
  name: string;
  mac: string;
  address: string;
  /** Unix socket that the machine's `-netdev stream` connects to. */
  socket: string;
}

/** Everything netd needs; it writes changes back, so that a restart gives the same network. */
export interface NetdConfig {
  version: 1;
  /** Unix socket of the commands. */
  controlSocket: string;
  /** Unix socket that the gateway connects to. */
  gatewaySocket: string;
  /** The cluster's endpoint: loopback address and ports. */
  endpoint: { address: string; ports: number[] };
  /** TCP ports of the host's loopback that machines may connect to. */
  hostPorts: number[];
  ports: PortConfig[];
  backends: Backend[];
}

/**
 * Reads netd's configuration, written by this package only.
 * @throws LocalError "state-corrupt"
 */
export async function readNetdConfig(path: string): Promise<NetdConfig> {
  const value = await readJson(path);
  if (typeof value !== "object" || value === null || !("version" in value) || value.version !== 1) {
    throw new LocalError("state-corrupt", `Read "${path}" failed: no configuration of version 1`);
  }
  return value as NetdConfig;
}
