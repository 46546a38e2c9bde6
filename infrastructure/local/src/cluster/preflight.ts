import { readFile, stat, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { LocalError, systemErrorCode } from "../errors.ts";
import { firmware, toolCommand } from "../tools-tree.ts";
import type { Accelerator, LocalClusterSpec } from "./spec.ts";

/** Memory that a machine needs beyond its own: QEMU itself, and translated code under emulation. */
const OVERHEAD_MIB: Record<Accelerator, number> = { kvm: 192, tcg: 512 };

/** Room that a new node's state disk takes soon; the disk is sparse and may grow to its full size. */
const NODE_DISK_GIB = 4;

/**
 * Checks that all programs, the firmware and the images are there.
 * @throws LocalError "tool-missing" | "tool-too-old" | "firmware-missing" | "image-missing"
 */
export async function requirePrograms(spec: LocalClusterSpec): Promise<void> {
  toolCommand("qemu-system-x86_64");
  toolCommand("swtpm");
  firmware();
  const overrides = Object.values(spec.nodes ?? {}).flatMap((node) => node.imagePath ?? []);
  for (const path of new Set([spec.imagePath, ...overrides])) await requireImage(path);
}

async function requireImage(path: string): Promise<void> {
  const size = await stat(path).then(
    (found) => (found.isFile() ? found.size : 0),
    () => 0,
  );
  if (size > 0 && size % 512 === 0) return;
  const got = size === 0 ? "no file or an empty one" : `${size} bytes, no whole number of sectors`;
  throw new LocalError("image-missing", `Check node image "${path}" failed: got ${got}, wanted a raw disk`, {
    hint: "run 'make image', or download the image again",
  });
}

/**
 * Checks that machines still to be started fit into the memory that is free.
 * @throws LocalError "memory-low"
 */
export async function requireMemory(
  machines: readonly { memoryMiB: number }[],
  accelerator: Accelerator,
): Promise<void> {
  const wantedMiB = machines.reduce((sum, machine) => sum + machine.memoryMiB + OVERHEAD_MIB[accelerator], 0);
  const match = /^MemAvailable:\s+(\d+) kB/m.exec(await readFile("/proc/meminfo", "utf8"));
  const freeMiB = match === null ? Number.POSITIVE_INFINITY : Math.floor(Number(match[1]) / 1024);
  if (wantedMiB <= freeMiB) return;
  throw new LocalError("memory-low", `Check memory failed: got "${freeMiB}" MiB free, wanted "${wantedMiB}" MiB`, {
    hint: "use fewer nodes or less memory per node, or end other programs",
  });
}

/**
 * Checks that new nodes' disks have room to begin with.
 * @throws LocalError "disk-low"
 */
export async function requireDisk(folder: string, newNodes: number, stateDiskGiB: number): Promise<void> {
  const wantedGiB = newNodes * Math.min(NODE_DISK_GIB, stateDiskGiB);
  const { bavail, bsize } = await statfs(folder);
  const freeGiB = (bavail * bsize) / 2 ** 30;
  if (wantedGiB <= freeGiB) return;
  const message = `Check disk failed: got "${freeGiB.toFixed(1)}" GiB free at "${folder}", wanted "${wantedGiB}" GiB`;
  throw new LocalError("disk-low", message, { hint: "free some space, or use a workspace on another disk" });
}

/**
 * Checks that nobody listens on these ports of `address`.
 * @throws LocalError "port-busy"
 */
export async function requirePorts(address: string, ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const server = createServer();
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host: address, port, exclusive: true }, () => resolve());
      });
    } catch (cause) {
      throw portBusy(address, port, cause);
    } finally {
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
  }
}

function portBusy(address: string, port: number, cause: unknown): LocalError {
  const why = systemErrorCode(cause) ?? "error";
  return new LocalError("port-busy", `Check ports failed: got "${why}" for "${address}:${port}", wanted it free`, {
    cause,
    hint: `stop the program that listens on port ${port} (ss -ltnp 'sport = :${port}')`,
  });
}
