import { randomInt } from "node:crypto";
import { setImmediate as yieldOnce } from "node:timers/promises";
import { withLoop, withVolume } from "./devices.ts";
import type { DirectFile } from "./direct-file.ts";
import type { Machine } from "./machine.ts";
import { KINDS, type Kind, type Transfers, type TransferSizes } from "./report.ts";

const MIBIBYTE = 1024 ** 2;
const DEVICE_BYTES = 1024 * MIBIBYTE;
/** Where the bytes go: behind header, zeroed beginning and journal of a new volume. */
const REGION_OFFSET = 256 * MIBIBYTE;
/** Requests between two looks at the signal. */
const YIELD_EVERY = 16;

/** A request at an offset. */
type Request = (offset: number) => void;

/** Bytes through each kind of device, in turns, after a round that does not count: blocks are there, caches are warm. */
export async function measureTransfers(
  machine: Machine,
  sizes: TransferSizes,
  rounds: number,
): Promise<Record<Kind, Transfers>> {
  return await withDevices(machine, async (devices) => {
    const files = new Map<Kind, DirectFile>();
    try {
      for (const kind of KINDS) files.set(kind, await machine.openDirect(devices[kind]));
      return await measureFiles(machine, files, sizes, rounds);
    } finally {
      for (const file of files.values()) file.close();
    }
  });
}

async function measureFiles(
  machine: Machine,
  files: ReadonlyMap<Kind, DirectFile>,
  sizes: TransferSizes,
  rounds: number,
): Promise<Record<Kind, Transfers>> {
  const empty = () => ({ writeMs: [] as number[], readMs: [] as number[], randomReadMs: [] as number[] });
  const times = { plain: empty(), encrypted: empty(), integrity: empty() };
  for (let round = 0; round <= rounds; round += 1) {
    machine.note(`transfers, round ${round} of ${rounds}`);
    for (const [kind, file] of files) {
      const { writeMs, readMs, randomReadMs } = await transfer(machine, file, sizes);
      if (round === 0) continue;
      times[kind].writeMs.push(writeMs);
      times[kind].readMs.push(readMs);
      times[kind].randomReadMs.push(randomReadMs);
    }
  }
  return times;
}

async function transfer(
  machine: Machine,
  file: DirectFile,
  { sequentialBytes, blockBytes, randomReads, randomReadBytes }: TransferSizes,
): Promise<Record<keyof Transfers, number>> {
  const inRow = Array.from({ length: sequentialBytes / blockBytes }, (_, index) => index * blockBytes);
  const places = sequentialBytes / randomReadBytes;
  const anywhere = Array.from({ length: randomReads }, () => randomInt(places) * randomReadBytes);
  return {
    writeMs: await timed(machine, inRow, (offset) => file.write(offset, blockBytes), file),
    readMs: await timed(machine, inRow, (offset) => file.read(offset, blockBytes)),
    randomReadMs: await timed(machine, anywhere, (offset) => file.read(offset, randomReadBytes)),
  };
}

/** Time of these requests, one after the other, with the flush of what they wrote. */
async function timed(
  { nowMs, signal }: Machine,
  offsets: readonly number[],
  request: Request,
  written?: DirectFile,
): Promise<number> {
  const beganMs = nowMs();
  for (const [index, offset] of offsets.entries()) {
    request(REGION_OFFSET + offset);
    if (index % YIELD_EVERY !== YIELD_EVERY - 1) continue;
    await yieldOnce();
    signal.throwIfAborted();
  }
  written?.flush();
  return nowMs() - beganMs;
}

/** One device of each kind, all of one size. */
async function withDevices<T>(
  machine: Machine,
  use: (devices: Readonly<Record<Kind, string>>) => Promise<T>,
): Promise<T> {
  const encrypted = (integrity: boolean, next: (path: string) => Promise<T>): Promise<T> =>
    withLoop(machine, DEVICE_BYTES, (device) =>
      withVolume(machine, { device, integrity, exec: machine.exec }, ({ path }) => next(path)),
    );
  return await withLoop(machine, DEVICE_BYTES, (plain) =>
    encrypted(false, (secret) => encrypted(true, (whole) => use({ plain, encrypted: secret, integrity: whole }))),
  );
}
