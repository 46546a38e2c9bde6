import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { HarnessError } from "./error.ts";

/** Partition types of the node image (Discoverable Partitions Specification), in GPT's mixed byte order. */
const PARTITION_TYPE = {
  root: "e3bc684fcde8b14d96e7fbcaf984b709",
  verity: "ed57732cd2ebd946aec123d437ec2bf5",
} as const;
const SECTOR_BYTES = 512;
const BLOCK_BYTES = 4096;
const HASH_BYTES = 32;
const HASHES_PER_BLOCK = BLOCK_BYTES / HASH_BYTES;
/** In front of the file system's superblock: part of the measured root, looked at by nobody else. */
const CHANGED_BYTE = 512;
/** The boot partition, where the root hash stands on the kernel's command line, is in the first half gigabyte. */
const COMMAND_LINE = /roothash=([0-9a-f]{64})/;
const SEARCHED_BYTES = 512 * 1024 * 1024;

/**
 * Copies a node image and changes one byte of its root. With `mended`, the hash tree is brought in line, the root hash
 * replaced on the kernel's command line, and the partitions get the names by which systemd finds them, as somebody would
 * do who wants the image to boot.
 * @returns root hash of the copy
 * @throws HarnessError `image`
 */
export async function copyWithChangedRoot(from: string, to: string, mended: boolean): Promise<string> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  const image = await open(to, "r+");
  try {
    const place = await findRootHash(image);
    const [root, verity] = [await findPartition(image, "root"), await findPartition(image, "verity")];
    if ((await changedRootHash(image, root, verity, false)) !== place.hash) {
      throw new HarnessError("image", "Change node image failed: the hash tree does not lead to the root hash");
    }
    const byte = await readAt(image, root + CHANGED_BYTE, 1);
    byte[0] = (byte[0] ?? 0) ^ 1;
    await image.write(byte, 0, 1, root + CHANGED_BYTE);
    if (!mended) return place.hash;
    const hash = await changedRootHash(image, root, verity, true);
    await image.write(Buffer.from(hash, "latin1"), 0, hash.length, place.offset);
    await namePartitions(image, hash);
    return hash;
  } finally {
    await image.close();
  }
}

/** The root hash that the first data block leads to; `write` brings the blocks on the way up to date. */
async function changedRootHash(image: FileHandle, root: number, verity: number, write: boolean): Promise<string> {
  const { salt, firstHashBlocks } = parseVeritySuperblock(await readAt(image, verity, SECTOR_BYTES));
  const digest = (block: Uint8Array): Buffer => createHash("sha256").update(salt).update(block).digest();
  let hash = digest(await readAt(image, root, BLOCK_BYTES));
  for (const block of firstHashBlocks) {
    const offset = verity + block * BLOCK_BYTES;
    const content = await readAt(image, offset, BLOCK_BYTES);
    if (write) await image.write(hash, 0, HASH_BYTES, offset);
    else if (!content.subarray(0, HASH_BYTES).equals(hash)) return "no hash: the tree is broken";
    hash.copy(content);
    hash = digest(content);
  }
  return hash.toString("hex");
}

/**
 * dm-verity's superblock (cryptsetup, "DMVerity") and, from the lowest level up, the block in which each level of the
 * tree begins: the top level comes first on the disk.
 */
export function parseVeritySuperblock(bytes: Buffer): { salt: Buffer; firstHashBlocks: number[] } {
  const wanted = bytes.toString("latin1", 0, 8) === "verity\0\0" && bytes.toString("latin1", 32, 38) === "sha256";
  const blocks = [bytes.readUInt32LE(64), bytes.readUInt32LE(68)];
  if (!wanted || blocks.some((size) => size !== BLOCK_BYTES)) {
    throw new HarnessError(
      "image",
      "Read hash tree failed: got another format, wanted dm-verity with SHA-256 over 4 KiB",
    );
  }
  const levels: number[] = [];
  for (let count = Number(bytes.readBigUInt64LE(72)); count > 1; ) {
    count = Math.ceil(count / HASHES_PER_BLOCK);
    levels.push(count);
  }
  const firstHashBlocks = levels.map((_, level) => 1 + levels.slice(level + 1).reduce((sum, size) => sum + size, 0));
  return { salt: bytes.subarray(88, 88 + bytes.readUInt16LE(80)), firstHashBlocks };
}

async function findRootHash(image: FileHandle): Promise<{ hash: string; offset: number }> {
  const chunkBytes = 16 * 1024 * 1024;
  const overlap = 128;
  for (let at = 0; at < SEARCHED_BYTES; at += chunkBytes) {
    const text = (await readAt(image, at, chunkBytes + overlap)).toString("latin1");
    const match = COMMAND_LINE.exec(text);
    const hash = match?.[1];
    if (match !== null && hash !== undefined) return { hash, offset: at + match.index + "roothash=".length };
  }
  throw new HarnessError("image", "Find root hash failed: got none in the boot partition, wanted one");
}

/** UEFI 2.10, section 5.3. */
async function findPartition(image: FileHandle, name: keyof typeof PARTITION_TYPE): Promise<number> {
  const header = await readAt(image, SECTOR_BYTES, SECTOR_BYTES);
  const [count, size] = [header.readUInt32LE(80), header.readUInt32LE(84)];
  const entries = await readAt(image, Number(header.readBigUInt64LE(72)) * SECTOR_BYTES, count * size);
  for (let at = 0; at < entries.length; at += size) {
    if (entries.toString("hex", at, at + 16) !== PARTITION_TYPE[name]) continue;
    return Number(entries.readBigUInt64LE(at + 32)) * SECTOR_BYTES;
  }
  throw new HarnessError("image", `Find partition failed: got no "${name}", wanted one`);
}

/**
 * Gives both partitions the UUIDs that follow from a root hash: its first and its last 128 bits
 * (systemd-veritysetup-generator(8)). In both copies of the partition table, with their checksums.
 */
async function namePartitions(image: FileHandle, rootHash: string): Promise<void> {
  const uuids = { root: rootHash.slice(0, 32), verity: rootHash.slice(32) };
  const primary = await readAt(image, SECTOR_BYTES, SECTOR_BYTES);
  for (const sector of [1n, primary.readBigUInt64LE(32)]) {
    const place = Number(sector) * SECTOR_BYTES;
    const header = await readAt(image, place, SECTOR_BYTES);
    const [count, size] = [header.readUInt32LE(80), header.readUInt32LE(84)];
    const entriesPlace = Number(header.readBigUInt64LE(72)) * SECTOR_BYTES;
    const entries = await readAt(image, entriesPlace, count * size);
    for (const [name, uuid] of Object.entries(uuids)) {
      const type = PARTITION_TYPE[name as keyof typeof PARTITION_TYPE];
      const at = entries.indexOf(Buffer.from(type, "hex"));
      mixedEndian(uuid).copy(entries, at + 16);
    }
    header.writeUInt32LE(crc32(entries), 88);
    header.writeUInt32LE(0, 16);
    header.writeUInt32LE(crc32(header.subarray(0, header.readUInt32LE(12))), 16);
    await image.write(entries, 0, entries.length, entriesPlace);
    await image.write(header, 0, header.length, place);
  }
}

/** A UUID as it stands in a partition table (UEFI 2.10, appendix A). */
function mixedEndian(uuid: string): Buffer {
  const bytes = Buffer.from(uuid, "hex");
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

async function readAt(file: FileHandle, offset: number, sizeBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(sizeBytes);
  const { bytesRead } = await file.read(buffer, 0, sizeBytes, offset);
  return buffer.subarray(0, bytesRead);
}
