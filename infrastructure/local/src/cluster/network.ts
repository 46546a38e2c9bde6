import { join } from "node:path";
import { endpointAddress, NODE_PORTS } from "../addressing.ts";
import { LocalError } from "../errors.ts";
import { type Forward, reconcileForwards, startGateway } from "../gateway/gateway.ts";
import { writeFileAtomic } from "../host/atomic-file.ts";
import { programError } from "../host/no-space.ts";
import { poll } from "../host/poll.ts";
import { isAlive, type ProcessIdentity } from "../host/process-identity.ts";
import { spawnDetached } from "../host/spawn-detached.ts";
import { netdCommand, netdStatus } from "../netd/control-client.ts";
import type { NetdConfig, PortConfig } from "../netd/config.ts";
import type { Backend } from "../netd/load-balancer.ts";
import { QmpClient } from "../qmp.ts";
import { logTail } from "../tpm/create-tpm.ts";
import type { ToolCommand } from "../tools-tree.ts";
import type { LocalContext } from "./context.ts";
import { type WorkspacePaths, nodePaths, socketPaths } from "./paths.ts";
import { requirePorts } from "./preflight.ts";
import type { LocalState, NodeRecord, StateFile } from "./state.ts";
import { liveProcess, processTag } from "./tags.ts";

const START_TIMEOUT_MS = 60_000;

/** Starts netd and the gateway where they don't run; both answer when this returns. */
export async function ensureNetwork(file: StateFile, paths: WorkspacePaths, context: LocalContext): Promise<void> {
  await ensureNetd(file, paths, context);
  await ensureGateway(file, paths, context);
}

async function ensureNetd(file: StateFile, paths: WorkspacePaths, context: LocalContext): Promise<void> {
  const { state } = file;
  const tag = processTag(state.runFolder, "netd");
  const { control } = socketPaths(state.runFolder);
  let identity = liveProcess(state.netd, tag);
  if (identity === undefined) {
    context.onProgress?.({ step: "start the cluster's network" });
    const endpoint = endpointAddress(state.spec.uid);
    await requirePorts(endpoint, NODE_PORTS);
    await writeFileAtomic(paths.netdConfig, JSON.stringify(netdConfig(state, paths), undefined, 2));
    const command = context.netdCommand ?? defaultNetdCommand();
    identity = await spawnDetached({ command, args: [paths.netdConfig], tag, logPath: paths.netdLog });
  }
  state.netd = identity;
  await file.save();
  await waitFor("netd", identity, paths.netdLog, context.signal, () => netdStatus(control));
}

function defaultNetdCommand(): ToolCommand {
  return { program: process.execPath, args: [join(import.meta.dirname, "../netd/main.ts")] };
}

async function ensureGateway(file: StateFile, paths: WorkspacePaths, context: LocalContext): Promise<void> {
  const { state } = file;
  const tag = processTag(state.runFolder, "gateway");
  const { gateway, gatewayQmp } = socketPaths(state.runFolder);
  let identity = liveProcess(state.gateway, tag);
  if (identity === undefined) {
    context.onProgress?.({ step: "start the cluster's gateway" });
    identity = await startGateway({ switchSocket: gateway, qmpSocket: gatewayQmp, logPath: paths.gatewayLog, tag });
  }
  state.gateway = identity;
  await file.save();
  await waitFor("gateway", identity, paths.gatewayLog, context.signal, () =>
    QmpClient.with(gatewayQmp, (qmp) => qmp.execute("query-status")),
  );
}

/** Brings switch ports, forwards, load balancer and filter in line with the nodes of the state. */
export async function reconcileNetwork(state: LocalState, paths: WorkspacePaths): Promise<void> {
  const { control, gatewayQmp } = socketPaths(state.runFolder);
  const wanted = switchPorts(state, paths);
  const present = Object.keys((await netdStatus(control)).ports).filter((name) => name !== "gateway");
  const names = new Set(wanted.map((port) => port.name));
  for (const name of present.filter((n) => !names.has(n))) await netdCommand(control, { command: "remove-port", name });
  for (const port of wanted.filter((p) => !present.includes(p.name))) {
    await netdCommand(control, { command: "add-port", port });
  }
  await netdCommand(control, { command: "set-backends", backends: backends(state) });
  await netdCommand(control, { command: "set-host-ports", hostPorts: [...state.spec.hostPorts] });
  await reconcileForwards(gatewayQmp, records(state).flatMap(nodeForwards));
}

function netdConfig(state: LocalState, paths: WorkspacePaths): NetdConfig {
  const sockets = socketPaths(state.runFolder);
  return {
    version: 1,
    controlSocket: sockets.control,
    gatewaySocket: sockets.gateway,
    endpoint: { address: endpointAddress(state.spec.uid), ports: [...NODE_PORTS] },
    hostPorts: [...state.spec.hostPorts],
    ports: switchPorts(state, paths),
    backends: backends(state),
  };
}

function switchPorts(state: LocalState, paths: WorkspacePaths): PortConfig[] {
  return records(state).map(({ name, mac, address }) => {
    return { name, mac, address, socket: nodePaths(paths.root, state.runFolder, name).netSocket };
  });
}

function backends(state: LocalState): Backend[] {
  return records(state)
    .filter((record) => record.role === "control-plane")
    .map(({ name, loopbackAddress }) => ({ name, loopbackAddress }));
}

function records(state: LocalState): NodeRecord[] {
  return state.nodes.filter((node) => node.phase === "ready").flatMap((node) => node.record ?? []);
}

function nodeForwards(record: NodeRecord): Forward[] {
  return NODE_PORTS.map((port) => ({
    hostAddress: record.loopbackAddress,
    hostPort: port,
    guestAddress: record.address,
    guestPort: port,
  }));
}

/** Waits until `ask` gives an answer, or says why the process ended. */
export async function waitFor(
  what: string,
  identity: ProcessIdentity,
  logPath: string,
  signal: AbortSignal | undefined,
  ask: () => Promise<unknown>,
): Promise<void> {
  await poll(
    async () => {
      if (!isAlive(identity)) throw programError("process-died", `Start ${what} failed: ${await logTail(logPath)}`);
      await ask();
      return true;
    },
    {
      timeoutMs: START_TIMEOUT_MS,
      signal,
      onTimeout: (cause) => new LocalError("process-stuck", `Start ${what} failed: it does not answer`, { cause }),
    },
  );
}
