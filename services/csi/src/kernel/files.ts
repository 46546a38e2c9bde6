/** What there is at a path; a link is not followed. */
export type FileKind = "block" | "directory" | "file" | "other";

/** A file's kind and, for a device node, the device's `major:minor`. */
export interface FileStatus {
  readonly kind: FileKind;
  readonly device?: string;
}

/** Use of a file system, in bytes and inodes. */
export interface FileSystemUse {
  readonly bytes: { readonly total: bigint; readonly available: bigint; readonly used: bigint };
  readonly inodes: { readonly total: bigint; readonly available: bigint; readonly used: bigint };
}

/** Files as the layer uses them: the kernel's tables, devices, mount points. A test puts a model in its place. */
export interface Files {
  /** Undefined where nothing is. */
  status(path: string): Promise<FileStatus | undefined>;
  /** Reads a small file of text. @throws if it is not there */
  readText(path: string): Promise<string>;
  /** Names in a folder; none where it is not there. */
  list(path: string): Promise<readonly string[]>;
  /** Makes a folder and those above it. */
  makeDirectory(path: string): Promise<void>;
  /** Makes an empty file; one that is there stays. */
  makeFile(path: string): Promise<void>;
  /** Removes a file or an empty folder; none is removed already. */
  remove(path: string): Promise<void>;
  /** Writes a file in memory, readable by root alone, with zeros up to its size. */
  writePrivate(path: string, bytes: Uint8Array, sizeBytes: number): Promise<void>;
  /** Whether there are only zeros. @throws if there are fewer bytes */
  isBlank(path: string, offset: number, length: number): Promise<boolean>;
  /** Reads at an offset. @throws if there are fewer bytes */
  read(path: string, offset: number, length: number): Promise<Uint8Array>;
  /** Writes at an offset, through to the disk. */
  write(path: string, offset: number, bytes: Uint8Array): Promise<void>;
  /** Has a device keep what was written to it, also through a loss of power. */
  sync(path: string): Promise<void>;
  /** Use of the file system at a path. */
  use(path: string): Promise<FileSystemUse>;
}
