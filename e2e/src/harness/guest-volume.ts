import assert from "node:assert/strict";
import { basename } from "node:path";
import type { DebugShell } from "./debug-shell.ts";
import { dataOffset, parseIntegrityLayout } from "./integrity-layout.ts";
import { minutes } from "./wait.ts";

/** Where node-local volumes are on a node, and where the data of an encrypted one begins in its file. */
const VOLUMES = "/var/lib/constellation/volumes";
const LUKS_DATA_OFFSET = 16 * 1024 * 1024;
const BLOCK_BYTES = 4096;
const SEARCH_MS = minutes(10);
const SYNC_MS = minutes(5);

/** What the kernel of a node holds for volumes. */
export interface VolumeDevices {
  /** Names of the files of loop devices: the kernel knows no path of one whose container has ended. */
  readonly loops: readonly string[];
  /** Names of device-mapper devices that are not the state disk's. */
  readonly mappings: readonly string[];
  readonly mounts: readonly string[];
}

/** What is open on the node now. */
export async function volumeDevices(shell: DebugShell): Promise<VolumeDevices> {
  const files = await lines(shell, "cat /sys/block/loop*/loop/backing_file 2>/dev/null");
  const loops = files.map((file) => basename(file.replace(/ \(deleted\)$/, "")));
  const names = await lines(shell, "cat /sys/block/dm-*/dm/name");
  const mounts = await lines(shell, "grep -o '/var/lib/kubelet/[^ ]*kubernetes.io[~/]csi[^ ]*' /proc/self/mountinfo");
  return { loops, mappings: names.filter((name) => name.startsWith("constellation-volume-")), mounts };
}

/** Brings everything that was written on the node to its disk, which may be much. */
export async function syncGuest(shell: DebugShell): Promise<void> {
  await shell.run("sync", SYNC_MS);
}

/** Backing files of all volumes on the node. */
export function volumeFiles(shell: DebugShell): Promise<string[]> {
  return lines(shell, `find ${VOLUMES} -type f -size +17M`);
}

/** Whether a text is in a file or device of the node. Told that it is text, grep would keep all zeros as one line. */
export async function guestFileHas(shell: DebugShell, path: string, text: string): Promise<boolean> {
  const answer = await shell.run(
    `LC_ALL=C grep --quiet --fixed-strings '${text}' '${path}'; echo "status $?"`,
    SEARCH_MS,
  );
  const status = /status (\d)/.exec(answer)?.[1];
  assert.ok(status === "0" || status === "1", `search ${path}: ${answer}`);
  return status === "0";
}

/** Flips one bit of the ciphertext of the block that holds byte `at` of the volume; the volume is closed. */
export async function flipVolumeByte(shell: DebugShell, file: string, at: number): Promise<void> {
  const layout = parseIntegrityLayout(await bytesAt(shell, file, LUKS_DATA_OFFSET, 512));
  const sector = (Math.floor(at / BLOCK_BYTES) * BLOCK_BYTES) / 512;
  const offset = LUKS_DATA_OFFSET + dataOffset(layout, sector) + BLOCK_BYTES / 2;
  const [byte = 0] = await bytesAt(shell, file, offset, 1);
  const octal = (byte ^ 1).toString(8).padStart(3, "0");
  const write = `printf '\\${octal}' | dd of='${file}' bs=1 seek=${offset} conv=notrunc status=none`;
  await shell.run(write);
  await syncGuest(shell);
  assert.deepEqual([...(await bytesAt(shell, file, offset, 1))], [byte ^ 1]);
}

async function bytesAt(shell: DebugShell, file: string, offset: number, sizeBytes: number): Promise<Buffer> {
  const flags = "iflag=skip_bytes,count_bytes,fullblock";
  const text = await shell.run(
    `dd if='${file}' skip=${offset} count=${sizeBytes} ${flags} status=none | base64 -w 0; echo`,
  );
  const bytes = Buffer.from(text.trim(), "base64");
  assert.equal(bytes.length, sizeBytes, text);
  return bytes;
}

async function lines(shell: DebugShell, command: string): Promise<string[]> {
  const text = await shell.run(command);
  return text.split("\n").filter((line) => line !== "");
}
