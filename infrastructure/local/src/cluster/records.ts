import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { LocalError } from "../errors.ts";
import { netdCommand } from "../netd/control-client.ts";
import { openCluster } from "./open-cluster.ts";
import { nodePaths, socketPaths, workspacePaths } from "./paths.ts";
import type { LocalClusterSpec } from "./spec.ts";
import type { NodeRecord } from "./state.ts";

/** The spec that the workspace's cluster was last brought in line with. */
export async function loadSpec(workspace: string): Promise<LocalClusterSpec> {
  const { file } = await openCluster(workspace);
  return file.state.spec;
}

/** The records of the cluster's nodes, control planes first in the order of their numbers. */
export async function loadRecords(workspace: string): Promise<NodeRecord[]> {
  const { file } = await openCluster(workspace);
  return file.state.nodes.filter((node) => node.phase === "ready").flatMap((node) => node.record ?? []);
}

/**
 * The certificate of the cluster's TPM authority, PEM.
 * @throws LocalError "cluster-missing"
 */
export async function tpmCaCertificate(workspace: string): Promise<string> {
  const path = join(workspacePaths(workspace).tpmAuthority, "certificate.pem");
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new LocalError("cluster-missing", `Read TPM CA certificate failed: there is no "${path}"`, { cause });
  }
}

/** The end of a node's serial console, for diagnosis. */
export async function consoleLog(workspace: string, name: string): Promise<string> {
  const { file, paths } = await openCluster(workspace);
  file.node(name);
  return await readFile(join(paths.root, "nodes", name, "console.log"), "utf8").catch(() => "");
}

/** The unix socket that is a node's second serial port: the root shell of a debug image, nothing with any other. */
export async function debugSocket(workspace: string, name: string): Promise<string> {
  const { file, paths } = await openCluster(workspace);
  file.node(name);
  return nodePaths(paths.root, file.state.runFolder, name).debugSocket;
}

/** Begins to write all frames of the nodes' network to the pcap file `path`; null ends it and completes the file. */
export async function capture(workspace: string, path: string | null): Promise<void> {
  const { file } = await openCluster(workspace);
  const { control } = socketPaths(file.state.runFolder);
  const command = path === null ? { command: "capture-stop" as const } : captureStart(path);
  await netdCommand(control, command);
}

function captureStart(path: string): { command: "capture-start"; path: string } {
  return { command: "capture-start", path: resolve(path) };
}
