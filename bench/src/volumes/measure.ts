import { parseCpuInfo, parseCrypto } from "./cpu.ts";
import { measureFirstUses, type Shape } from "./first-use.ts";
import type { Machine } from "./machine.ts";
import type { Report, TransferSizes } from "./report.ts";
import { measureTransfers } from "./transfers.ts";

/** What is moved through each device in a round. */
export const SIZES: TransferSizes = {
  sequentialBytes: 64 * 1024 * 1024,
  blockBytes: 1024 * 1024,
  randomReads: 2048,
  randomReadBytes: 4096,
};

/** Not 100 GiB with integrity: all inode tables are written there, more than a small machine has memory for. */
const SHAPES: readonly Shape[] = [
  ...(["plain", "encrypted", "integrity"] as const).map((kind) => ({ kind, gibibytes: 1 })),
  ...(["plain", "encrypted"] as const).map((kind) => ({ kind, gibibytes: 100 })),
];
const FIRST_USES = 3;
const TRANSFERS = 5;

/** Measures first uses and transfers; nothing is left of it afterwards. */
export async function measureVolumes(machine: Machine, readText: (path: string) => Promise<string>): Promise<Report> {
  const firstUses = await measureFirstUses(machine, SHAPES, FIRST_USES);
  const transfers = await measureTransfers(machine, SIZES, TRANSFERS);
  return {
    cpu: parseCpuInfo(await readText("/proc/cpuinfo")),
    // The kernel lists what it has used.
    drivers: parseCrypto(await readText("/proc/crypto")),
    firstUses,
    sizes: SIZES,
    transfers,
  };
}
