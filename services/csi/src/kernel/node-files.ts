import { lstat, mkdir, open, readdir, readFile, rmdir, statfs, truncate, unlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Files, FileStatus, FileSystemUse } from "./files.ts";

const PIECE_BYTES = 1024 * 1024;

/** The machine's own files. */
export const nodeFiles: Files = {
  status: (path) => unlessMissing(async () => statusOf(await lstat(path)), undefined),
  readText: (path) => readFile(path, "utf8"),
  list: (path) => unlessMissing(() => readdir(path), []),
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true, mode: 0o750 })),
  async makeFile(path) {
    await mkdir(dirname(path), { recursive: true, mode: 0o750 });
    await (await open(path, "a", 0o640)).close();
  },
  remove: (path) =>
    unlessMissing(async () => {
      if ((await lstat(path)).isDirectory()) await rmdir(path);
      else await unlink(path);
    }, undefined),
  async writePrivate(path, bytes, sizeBytes) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // Zeros that are not written take no memory.
    await writeFile(path, bytes, { mode: 0o600 });
    await truncate(path, sizeBytes);
  },
  async isBlank(path, offset, length) {
    const piece = Buffer.alloc(Math.min(PIECE_BYTES, length));
    const zeros = Buffer.alloc(piece.length);
    const file = await open(path, "r");
    try {
      for (let done = 0; done < length; ) {
        const wanted = Math.min(piece.length, length - done);
        const { bytesRead } = await file.read(piece, 0, wanted, offset + done);
        if (bytesRead === 0) throw new Error(`Read "${path}" failed: got ${done} bytes at ${offset}, wanted ${length}`);
        if (piece.compare(zeros, 0, bytesRead, 0, bytesRead) !== 0) return false;
        done += bytesRead;
      }
      return true;
    } finally {
      await file.close();
    }
  },
  async read(path, offset, length) {
    const bytes = new Uint8Array(length);
    const file = await open(path, "r");
    try {
      for (let done = 0; done < length; ) {
        const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
        if (bytesRead === 0) throw new Error(`Read "${path}" failed: got ${done} bytes at ${offset}, wanted ${length}`);
        done += bytesRead;
      }
    } finally {
      await file.close();
    }
    return bytes;
  },
  async write(path, offset, bytes) {
    const file = await open(path, "r+");
    try {
      for (let done = 0; done < bytes.length; ) {
        done += (await file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
      }
      await file.datasync();
    } finally {
      await file.close();
    }
  },
  async sync(path) {
    const file = await open(path, "r+");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  },
  use: async (path) => useOf(await statfs(path, { bigint: true })),
};

function statusOf(found: Awaited<ReturnType<typeof lstat>>): FileStatus {
  if (found.isBlockDevice()) return { kind: "block", device: deviceNumber(Number(found.rdev)) };
  if (found.isDirectory()) return { kind: "directory" };
  return { kind: found.isFile() ? "file" : "other" };
}

/** `major:minor` of a device number as Linux packs it for user space (makedev(3)). */
function deviceNumber(packed: number): string {
  const value = BigInt(packed);
  const major = ((value >> 8n) & 0xfffn) | ((value >> 32n) & 0xfffff000n);
  const minor = (value & 0xffn) | ((value >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

function useOf(found: Awaited<ReturnType<typeof statfs>>): FileSystemUse {
  const { blocks, bfree, bavail, bsize, files, ffree } = found as unknown as Record<string, bigint>;
  const of = (value: bigint | undefined): bigint => value ?? 0n;
  return {
    bytes: {
      total: of(blocks) * of(bsize),
      available: of(bavail) * of(bsize),
      used: (of(blocks) - of(bfree)) * of(bsize),
    },
    inodes: { total: of(files), available: of(ffree), used: of(files) - of(ffree) },
  };
}

async function unlessMissing<T>(action: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return otherwise;
    throw error;
  }
}
