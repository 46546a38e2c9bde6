import { open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LocalError } from "../errors.ts";
import { writing } from "../host/no-space.ts";
import { runTool } from "../host/run-tool.ts";
import { findSystemPartition } from "./partition-table.ts";

/** Where a unified kernel image may stand: removable media's path (UEFI 2.10, section 3.5.1.1), and the UAPI group's. */
const UKI_PATHS = ["::/EFI/BOOT/BOOTX64.EFI", "::/EFI/Linux/*.efi"];

/**
 * Writes the kernel of a node image (section .linux of the unified kernel image in its EFI system partition) into
 * `folder` and gives its path; undefined when the image has none.
 */
export async function extractKernel(
  imagePath: string,
  folder: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const image = await open(imagePath, "r");
  const offset = await findSystemPartition(image).finally(() => image.close());
  if (offset === undefined) return undefined;
  for (const path of UKI_PATHS) {
    const uki = await copyOut(`${imagePath}@@${offset}`, path, join(folder, "probe-uki.efi"), signal);
    const kernel = uki === undefined ? undefined : peSection(uki, ".linux");
    if (kernel === undefined) continue;
    const kernelPath = join(folder, "probe-kernel");
    await writing(kernelPath, () => writeFile(kernelPath, kernel, { mode: 0o600 }));
    return kernelPath;
  }
  return undefined;
}

/** A file of a FAT file system, or undefined when it is not there. */
async function copyOut(
  fileSystem: string,
  path: string,
  temporary: string,
  signal: AbortSignal | undefined,
): Promise<Buffer | undefined> {
  try {
    await runTool("mcopy", ["-n", "-o", "-i", fileSystem, path, temporary], signal);
    return await readFile(temporary);
  } catch (error) {
    if (error instanceof LocalError && error.code === "control-failed") return undefined;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** The content of a named section of a PE file (PE format, "Section Table"), or undefined when there is none. */
export function peSection(pe: Buffer, name: string): Buffer | undefined {
  if (pe.length < 64 || pe.toString("latin1", 0, 2) !== "MZ") return undefined;
  const coff = pe.readUInt32LE(60) + 4;
  if (coff + 20 > pe.length) return undefined;
  const table = coff + 20 + pe.readUInt16LE(coff + 16);
  for (let i = 0; i < pe.readUInt16LE(coff + 2); i++) {
    const at = table + 40 * i;
    if (at + 40 > pe.length) return undefined;
    if (pe.toString("latin1", at, at + 8).replace(/\0+$/, "") !== name) continue;
    const start = pe.readUInt32LE(at + 20);
    return pe.subarray(start, start + Math.min(pe.readUInt32LE(at + 8), pe.readUInt32LE(at + 16)));
  }
  return undefined;
}
