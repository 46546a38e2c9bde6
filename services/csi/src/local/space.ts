import type { FileSystemSpace } from "./system.ts";

/** What volumes take of the file system that they are in. */
export interface VolumeUse {
  /** Sum of the sizes: what volumes may come to take. */
  readonly sizeBytes: number;
  /** What they take now: files are sparse. */
  readonly allocatedBytes: number;
}

/** What is kept from volumes for the node itself: images, logs, etcd, and pods' own files. */
export interface Reserve {
  /** At least these bytes. */
  readonly bytes: number;
  /** At least this part of the file system. */
  readonly fraction: number;
  /** This part of the file system stays free beyond what the node uses, however much that is. */
  readonly headroom: number;
}

/** The kubelet evicts pods when less than a tenth of its file system is free: the headroom is larger. */
export const DEFAULT_RESERVE: Reserve = { bytes: 2 * 1024 ** 3, fraction: 0.25, headroom: 0.15 };

/**
 * Bytes that volumes can still be promised. Volumes count by their size, written or not, so that no promise is ever one
 * too many; the node counts by its reserve, or by what it uses with the headroom, if that is more.
 */
export function promisableBytes(
  { totalBytes, availableBytes }: FileSystemSpace,
  use: VolumeUse,
  reserve: Reserve,
): number {
  const nodeUse = Math.max(totalBytes - availableBytes - use.allocatedBytes, 0);
  const forNode = Math.max(reserve.bytes, totalBytes * reserve.fraction, nodeUse + totalBytes * reserve.headroom);
  return Math.max(Math.floor(totalBytes - forNode - use.sizeBytes), 0);
}
