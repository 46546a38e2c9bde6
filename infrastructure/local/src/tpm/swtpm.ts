import { rm } from "node:fs/promises";
import { spawnDetached } from "../host/spawn-detached.ts";
import type { ProcessIdentity } from "../host/process-identity.ts";
import { toolCommand } from "../tools-tree.ts";

/** Where one machine's TPM keeps its state and its sockets. */
export interface SwtpmPaths {
  /** Folder of the TPM's permanent state. */
  stateFolder: string;
  /** Control socket, that QEMU connects to. */
  controlSocket: string;
  /** Command socket, used only while the TPM is provisioned. */
  commandSocket: string;
  logPath: string;
}

/**
 * Starts a machine's TPM for QEMU, which powers it on by the control channel. It ends when QEMU goes.
 * @throws LocalError "process-died"
 */
export async function startSwtpm(paths: SwtpmPaths, tag: string): Promise<ProcessIdentity> {
  await rm(paths.controlSocket, { force: true });
  return await spawnDetached({
    command: toolCommand("swtpm"),
    args: [...commonArguments(paths), "--terminate"],
    tag,
    logPath: paths.logPath,
  });
}

/** Starts a machine's TPM with a socket for commands, powered on but not started up; no machine runs on it. */
export async function startSwtpmForCommands(paths: SwtpmPaths, tag: string): Promise<ProcessIdentity> {
  for (const socket of [paths.controlSocket, paths.commandSocket]) await rm(socket, { force: true });
  const server = ["--server", `type=unixio,path=${paths.commandSocket},mode=0600`, "--flags", "not-need-init"];
  return await spawnDetached({
    command: toolCommand("swtpm"),
    args: [...commonArguments(paths), ...server],
    tag,
    logPath: paths.logPath,
  });
}

function commonArguments(paths: SwtpmPaths): string[] {
  return [
    "socket",
    "--tpm2",
    "--tpmstate",
    `dir=${paths.stateFolder},mode=0600`,
    "--ctrl",
    `type=unixio,path=${paths.controlSocket},mode=0600`,
  ];
}
