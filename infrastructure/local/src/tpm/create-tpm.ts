import { readFile, rm } from "node:fs/promises";
import { Tpm } from "@constellation/tpm2";
import { LocalError } from "../errors.ts";
import { makePrivateFolder } from "../host/atomic-file.ts";
import { programError } from "../host/no-space.ts";
import { poll } from "../host/poll.ts";
import { endProcess, isAlive, type ProcessIdentity } from "../host/process-identity.ts";
import type { TpmAuthority } from "./authority.ts";
import { allocateBanks, endorse } from "./provision.ts";
import { startSwtpmForCommands, type SwtpmPaths } from "./swtpm.ts";
import { UnixTpmTransport } from "./unix-transport.ts";

const START_TIMEOUT_MS = 30_000;

/**
 * Makes a machine's TPM from nothing: whatever a run that was cut off left in the folder goes first.
 * @returns the endorsement identity (SHA-256 of the EK's SubjectPublicKeyInfo)
 * @throws LocalError "tpm-failed" | "process-died"
 */
export async function createTpm(
  paths: SwtpmPaths,
  authority: TpmAuthority,
  tag: string,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  await rm(paths.stateFolder, { recursive: true, force: true });
  await makePrivateFolder(paths.stateFolder);
  await withPoweredTpm(paths, tag, allocateBanks, signal);
  return await withPoweredTpm(paths, tag, (tpm) => endorse(tpm, authority), signal);
}

/** Powers the TPM on, runs `work` with it, and powers it off; no machine may run on it meanwhile. */
export async function withPoweredTpm<T>(
  paths: SwtpmPaths,
  tag: string,
  work: (tpm: Tpm) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const identity = await startSwtpmForCommands(paths, tag);
  try {
    const transport = await connectTpm(paths, identity, signal);
    try {
      return await work(new Tpm(transport));
    } finally {
      transport.close();
    }
  } finally {
    await endProcess(identity);
    for (const socket of [paths.controlSocket, paths.commandSocket]) await rm(socket, { force: true });
  }
}

async function connectTpm(
  paths: SwtpmPaths,
  identity: ProcessIdentity,
  signal: AbortSignal | undefined,
): Promise<UnixTpmTransport> {
  return await poll(
    async () => {
      if (!isAlive(identity)) throw programError("process-died", `Start swtpm failed: ${await logTail(paths.logPath)}`);
      return await UnixTpmTransport.open(paths.commandSocket);
    },
    {
      timeoutMs: START_TIMEOUT_MS,
      signal,
      onTimeout: (cause) => new LocalError("tpm-failed", "Start swtpm failed: its socket does not answer", { cause }),
    },
  );
}

/** The end of a process's log, on one line, for a message. */
export async function logTail(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => "");
  const lines = text.trim().split("\n").slice(-3).join("; ");
  return lines === "" ? `no output in "${path}"` : lines.slice(-600);
}
