import { Kernel, makeFileSystem, parseFileSystem } from "@constellation/csi/testing/volumes";
import type { Exec } from "@constellation/exec";
import { HEADER_AREA_BYTES } from "@constellation/luks";
import { FILE_SYSTEM, withLoop, withMount, withVolume } from "./devices.ts";
import { type Machine, thenClean } from "./machine.ts";
import type { FirstUse } from "./report.ts";

const GIBIBYTE = 1024 ** 3;

/** A kind of volume with its size. */
export type Shape = Pick<FirstUse, "kind" | "gibibytes">;

type Round = FirstUse["rounds"][number];

/** First uses of these shapes, in turns. */
export async function measureFirstUses(
  machine: Machine,
  shapes: readonly Shape[],
  rounds: number,
): Promise<FirstUse[]> {
  const found = shapes.map((shape) => ({ ...shape, rounds: [] as Round[] }));
  for (let round = 0; round < rounds; round += 1) {
    for (const shape of found) {
      shape.rounds.push(await firstUse(machine, shape));
      machine.note(`first use ${round + 1} of ${shape.kind}, ${shape.gibibytes} GiB`);
    }
  }
  return found;
}

/** From a blank device to a mounted file system: what a pod waits for when its volume is new, but for its key. */
async function firstUse(machine: Machine, { kind, gibibytes }: Shape): Promise<Round> {
  // File systems of one size: a few bytes more may have twice the journal.
  const sizeBytes = gibibytes * GIBIBYTE - (kind === "plain" ? HEADER_AREA_BYTES : 0);
  return await withLoop(machine, sizeBytes, async (device) => {
    const { exec, partsMs } = watched(machine);
    const beganMs = machine.nowMs();
    const mounted = (mappedDevice: string): Promise<Round> =>
      withMount(machine, { device: mappedDevice, exec }, async () => ({
        totalMs: machine.nowMs() - beganMs,
        // As they are now: taking all away again runs programs, too.
        partsMs: { ...partsMs },
      }));
    if (kind !== "plain") {
      return await withVolume(machine, { device, exec, integrity: kind === "integrity" }, ({ path }) => mounted(path));
    }
    const options = { integrity: false };
    const { program, args } = makeFileSystem(parseFileSystem(FILE_SYSTEM, options), options);
    await new Kernel(exec, machine.files).makeFileSystem(program, [...args, device], machine.signal);
    return await mounted(device);
  });
}

/** Programs run as before, and how long each took in sum, by its name; those of cryptsetup by their command. */
function watched({ exec, nowMs }: Machine): { exec: Exec; partsMs: Readonly<Record<string, number>> } {
  const partsMs: Record<string, number> = {};
  return {
    partsMs,
    exec: (command, signal) => {
      const { program, args } = command;
      const name = program === "cryptsetup" ? (args[0] ?? program) : program;
      const beganMs = nowMs();
      return thenClean(
        () => exec(command, signal),
        async () => void (partsMs[name] = (partsMs[name] ?? 0) + nowMs() - beganMs),
      );
    },
  };
}
