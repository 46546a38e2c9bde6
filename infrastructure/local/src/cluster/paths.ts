import { createHash } from "node:crypto";
import { lstat, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { LocalError } from "../errors.ts";
import { makePrivateFolder } from "../host/atomic-file.ts";
import type { SwtpmPaths } from "../tpm/swtpm.ts";

/** Files of a workspace's local cluster. */
export interface WorkspacePaths {
  root: string;
  state: string;
  lock: string;
  tpmAuthority: string;
  netdConfig: string;
  netdLog: string;
  gatewayLog: string;
}

/** Where the local infrastructure of `workspace` keeps its files. */
export function workspacePaths(workspace: string): WorkspacePaths {
  const root = join(workspace, "constellation-local");
  return {
    root,
    state: join(root, "state.json"),
    lock: join(root, "lock"),
    tpmAuthority: join(root, "tpm-ca"),
    netdConfig: join(root, "netd.json"),
    netdLog: join(root, "netd.log"),
    gatewayLog: join(root, "gateway.log"),
  };
}

/** Unix sockets in a run folder. */
export function socketPaths(runFolder: string): { control: string; gateway: string; gatewayQmp: string } {
  return {
    control: join(runFolder, "netd.sock"),
    gateway: join(runFolder, "gateway.sock"),
    gatewayQmp: join(runFolder, "gateway.qmp"),
  };
}

/** Files and sockets of one node. */
export interface NodePaths {
  folder: string;
  stateDisk: string;
  firmwareVariables: string;
  metadata: string;
  consoleLog: string;
  qemuLog: string;
  netSocket: string;
  qmpSocket: string;
  debugSocket: string;
  swtpm: SwtpmPaths;
}

/** Where node `name` keeps its files. */
export function nodePaths(root: string, runFolder: string, name: string): NodePaths {
  const folder = join(root, "nodes", name);
  return {
    folder,
    stateDisk: join(folder, "state.img"),
    firmwareVariables: join(folder, "firmware-variables.fd"),
    metadata: join(folder, "metadata.json"),
    consoleLog: join(folder, "console.log"),
    qemuLog: join(folder, "qemu.log"),
    netSocket: join(runFolder, `${name}.net`),
    qmpSocket: join(runFolder, `${name}.qmp`),
    debugSocket: join(runFolder, `${name}.debug`),
    swtpm: {
      stateFolder: join(folder, "tpm"),
      controlSocket: join(runFolder, `${name}.tpm`),
      commandSocket: join(runFolder, `${name}.tpm-cmd`),
      logPath: join(folder, "swtpm.log"),
    },
  };
}

/**
 * A short folder for a workspace's unix sockets, whose paths are limited to 107 bytes; the same workspace always gets
 * the same one. It is in /tmp and not in XDG_RUNTIME_DIR, which goes at logout while the cluster stays.
 */
export async function chooseRunFolder(workspace: string): Promise<string> {
  const hash = createHash("sha256")
    .update(await realPathOf(resolve(workspace)))
    .digest("hex")
    .slice(0, 12);
  return `/tmp/constellation-${process.getuid?.() ?? 0}-${hash}`;
}

/** Whether `path` has the form of a run folder of this user: only such a one is ever removed because a file names it. */
export function isRunFolder(path: string): boolean {
  return new RegExp(`^/tmp/constellation-${process.getuid?.() ?? 0}-[0-9a-f]{12}$`).test(path);
}

/** Device and inode of a folder: it keeps them when it is moved, and a copy has others. */
export interface FolderIdentity {
  device: string;
  inode: string;
}

/** Which folder `path` is. */
export async function folderIdentity(path: string): Promise<FolderIdentity> {
  const { dev, ino } = await stat(path, { bigint: true });
  return { device: `${dev}`, inode: `${ino}` };
}

/** The path without symbolic links. The folder itself may have been removed: then its parent's tells. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return dirname(path) === path ? path : join(await realPathOf(dirname(path)), basename(path));
  }
}

/**
 * Makes the run folder; one that others made or can enter is refused.
 * @throws LocalError "run-directory-unsafe"
 */
export async function makeRunFolder(path: string): Promise<void> {
  await makePrivateFolder(path);
  const found = await lstat(path);
  const mine = found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
  if (mine) return;
  throw new LocalError("run-directory-unsafe", `Make run folder failed: "${path}" is not a folder of yours alone`, {
    hint: `remove "${path}"`,
  });
}
