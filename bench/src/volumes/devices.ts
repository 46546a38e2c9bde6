import { open, unlink } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import {
  Effects,
  EncryptedVolumes,
  FakeKeys,
  FakeRecords,
  Kernel,
  LoopDevices,
  type Mapping,
  mountFlags,
  parseFileSystem,
} from "@constellation/csi/testing/volumes";
import type { Exec } from "@constellation/exec";
import { type Machine, NEVER, takeAway, thenClean } from "./machine.ts";

/** The file system of both storage classes of the image. */
export const FILE_SYSTEM = "ext4";

/** Makes a loop device over a sparse file in memory, as the local driver attaches a volume's, and takes it away after use. */
export async function withLoop<T>(
  machine: Machine,
  sizeBytes: number,
  use: (device: string) => Promise<T>,
): Promise<T> {
  const loops = new LoopDevices(machine.system);
  const volumeId = `bench-${randomUUID()}`;
  const file = { volumeId, path: join(machine.workFolder, `${volumeId}.img`) };
  await makeSparse(file.path, sizeBytes);
  return await thenClean(
    async () => use((await loops.attach(file, machine.signal)).path),
    async () => {
      await takeAway(machine, () => loops.detach(file, NEVER));
      await unlink(file.path);
    },
  );
}

/** What a volume is to be, and what runs the programs that make it so. */
export interface VolumeOptions {
  readonly device: string;
  readonly integrity: boolean;
  readonly exec: Exec;
}

/**
 * Has the encryption layer make a volume of a blank device and open it, with a file system on it, and closes it after
 * use. The key comes from memory and the record goes there: no other machine takes part.
 */
export async function withVolume<T>(
  machine: Machine,
  { device, integrity, exec }: VolumeOptions,
  use: (mapping: Mapping) => Promise<T>,
): Promise<T> {
  const kernel = new Kernel(exec, machine.files);
  const records = new FakeRecords(new Effects());
  const volumes = new EncryptedVolumes({
    kernel,
    records,
    keys: new FakeKeys(),
    newUuid: randomUUID,
    parseFileSystem,
  });
  const volumeId = randomUUID();
  const nothing = { uuid: undefined, formatting: undefined, generation: 1 };
  const record = { name: volumeId, resourceVersion: "1", ...nothing, integrity };
  records.records.set(volumeId, record);
  // Not a name that the layer on this node would take for one of its own volumes.
  const mapping = `constellation-bench-${volumeId}`;
  const headerFile = join(machine.runFolder, `${volumeId}.header`);
  const names = { mapping, vendorStaging: "", vendorDevice: device, headerFile };
  const volume = { driver: "bench", volumeId, names, fileSystem: FILE_SYSTEM, readOnly: false };
  return await thenClean(
    async () => use(await volumes.open(volume, machine.signal)),
    () => takeAway(machine, () => volumes.close(names, NEVER)),
  );
}

/** Mounts a device's file system as the layer does, and unmounts it after use. */
export async function withMount<T>(
  machine: Machine,
  { device, exec }: Pick<VolumeOptions, "device" | "exec">,
  use: () => Promise<T>,
): Promise<T> {
  const kernel = new Kernel(exec, machine.files);
  const target = join(machine.workFolder, `mount-${randomUUID()}`);
  await kernel.files.makeDirectory(target);
  const type = parseFileSystem(FILE_SYSTEM, { integrity: false });
  return await thenClean(
    async () => {
      await kernel.mount({ source: device, target, type, flags: mountFlags(type) }, machine.signal);
      return await use();
    },
    () =>
      takeAway(machine, async () => {
        await kernel.unmount(target, NEVER);
        await kernel.files.remove(target);
      }),
  );
}

async function makeSparse(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.truncate(sizeBytes);
  } finally {
    await file.close();
  }
}
