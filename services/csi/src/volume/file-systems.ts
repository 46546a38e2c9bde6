import { CsiError } from "../errors.ts";

/** File systems that volumes can have. */
export type FileSystem = "ext4" | "xfs";

/** The file system where nothing is said. */
const DEFAULT_FILE_SYSTEM: FileSystem = "ext4";

/** How a new file system is made: a program and its arguments before the device. */
export interface MakeFileSystem {
  readonly program: string;
  readonly args: readonly string[];
}

// With integrity tags, a sector that was never written can't be read. Backup superblocks of less than 4 KiB would be
// read before they are written, and lazy initialisation would leave holes. See the agent's state disk.
const EXT4_INTEGRITY = [
  "-O",
  "sparse_super2",
  "-E",
  "num_backup_sb=0,lazy_itable_init=0,lazy_journal_init=0,nodiscard",
];

// A journal of zeros would be 512 MiB on a volume of 100 GiB. What lies there instead was written under another volume key:
// noise, in which no checksum of the journal is right.
const EXT4 = ["-E", "lazy_journal_init=1,nodiscard"];

/** Parses the file system of a volume capability. @throws CsiError `unsupported` */
export function parseFileSystem(name: string, { integrity }: { integrity: boolean }): FileSystem {
  const found = name === "" ? DEFAULT_FILE_SYSTEM : name;
  if (found === "ext4") return found;
  if (found === "xfs" && !integrity) return found;
  const wanted = integrity ? '"ext4", the one for volumes with integrity' : '"ext4" or "xfs"';
  throw new CsiError("unsupported", `Mount volume failed: got file system ${JSON.stringify(name)}, wanted ${wanted}`);
}

/** How to make a file system on a new mapping; what an attempt before has left there is overwritten. */
export function makeFileSystem(fileSystem: FileSystem, { integrity }: { integrity: boolean }): MakeFileSystem {
  if (fileSystem === "xfs") return { program: "mkfs.xfs", args: ["-q", "-f", "-K"] };
  return { program: "mkfs.ext4", args: ["-q", "-F", ...(integrity ? EXT4_INTEGRITY : EXT4)] };
}

/** Mount flags that a file system needs: XFS refuses a clone on the node of its original. */
export function mountFlags(fileSystem: FileSystem): readonly string[] {
  return fileSystem === "xfs" ? ["nouuid"] : [];
}
