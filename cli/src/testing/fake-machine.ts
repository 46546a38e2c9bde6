import { join } from "node:path";
import type { MachinePort } from "../ports/machine.ts";

const IMAGE_DIGEST = "5".repeat(64);

/** Expected registers of the fake image. */
export const FAKE_PCRS: Readonly<Record<string, string>> = {
  4: "4".repeat(64),
  9: "9".repeat(64),
  11: "b".repeat(64),
  12: "0".repeat(64),
  13: "0".repeat(64),
  15: "0".repeat(64),
};

/** A computer of which everything can be set. */
export class FakeMachine implements MachinePort {
  os = "linux";
  cpus = 8;
  memoryMiB = { totalMiB: 32_768, availableMiB: 30_000 };
  diskMiB = 100 * 1024;
  digest = IMAGE_DIGEST;
  /** How often a whole file was read. */
  reads = 0;
  readonly files = new Map<string, string>();

  /** Puts an image with its measurements and manifest into a folder. */
  addImage(folder: string, pcrs: Readonly<Record<string, string>> = FAKE_PCRS): void {
    this.files.set(join(folder, "constellation.raw"), "image");
    this.files.set(
      join(folder, "measurements.json"),
      JSON.stringify({ version: 1, flavour: "release", measurements: { pcrs } }),
    );
    this.files.set(join(folder, "manifest.json"), JSON.stringify({ version: 1, sha256: IMAGE_DIGEST }));
  }

  platform() {
    return { os: this.os, architecture: "x64" };
  }

  cpuCount(): number {
    return this.cpus;
  }

  memory() {
    return this.memoryMiB;
  }

  async freeDiskMiB(): Promise<number> {
    return this.diskMiB;
  }

  async sha256(): Promise<string> {
    this.reads++;
    return this.digest;
  }

  async readText(path: string): Promise<string | undefined> {
    return this.files.get(path);
  }

  async fileSizeBytes(path: string): Promise<number | undefined> {
    return this.files.get(path)?.length;
  }
}
