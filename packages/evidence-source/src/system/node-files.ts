import { constants, mkdir, open, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { EvidenceSourceError } from "../error.ts";
import { type HostFiles, systemCode } from "./host-files.ts";

/** The files of this machine under a root, `/` on a real one. */
export function nodeFiles(root: string): HostFiles {
  const at = (path: string): string => join(root, path);
  return {
    exists: (path) => exists(at(path)),
    read: (path, maxBytes) => read(at(path), maxBytes),
    write: (path, bytes) => write(at(path), bytes),
    makeDirectory: async (path) => {
      await mkdir(at(path));
    },
    removeDirectory: (path) => rmdir(at(path)),
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return false;
    throw error;
  }
}

/** Files of the kernel do not tell their size, and are read from front to back: configfs cannot seek in blobs. */
async function read(path: string, maxBytes: number): Promise<Uint8Array> {
  await using file = await open(path, constants.O_RDONLY);
  const buffer = new Uint8Array(maxBytes + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
    length += bytesRead;
    if (bytesRead === 0) return buffer.slice(0, length);
    if (length > maxBytes) {
      throw new EvidenceSourceError(
        "blob_too_large",
        `Read "${path}" failed: got more than ${maxBytes} bytes, wanted ${maxBytes} or fewer`,
      );
    }
  }
}

/** Neither creates nor truncates: the kernel's attributes exist, and some can only be written. */
async function write(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, constants.O_WRONLY);
  await file.writeFile(bytes);
}
