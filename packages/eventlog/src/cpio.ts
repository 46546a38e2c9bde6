import { concat, latin1 } from "@constellation/bytes";

/** A file in an archive made by {@link packFile}. */
export interface CpioFile {
  readonly directory: string;
  readonly name: string;
  readonly content: Uint8Array;
}

const DIRECTORY_MODE = 0o040555;
const FILE_MODE = 0o100444;

/**
 * A "newc" cpio archive (kernel documentation, "initramfs buffer format") with one read-only directory and one file
 * in it, byte for byte as systemd-stub makes it for the kernel: no times, owner root, inodes from 1.
 */
export function packFile({ directory, name, content }: CpioFile): Uint8Array {
  return concat(
    entry({ inode: 1, mode: DIRECTORY_MODE, path: directory, content: new Uint8Array(0) }),
    entry({ inode: 2, mode: FILE_MODE, path: `${directory}/${name}`, content }),
    trailer(),
  );
}

interface Entry {
  readonly inode: number;
  readonly mode: number;
  readonly path: string;
  readonly content: Uint8Array;
}

function entry({ inode, mode, path, content }: Entry): Uint8Array {
  const fields = header([inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, path.length + 1, 0]);
  return concat(padTo4(latin1(`${fields}${path}\0`)), padTo4(content));
}

/** The end of an archive; systemd-stub writes the length of its name with a capital digit. */
function trailer(): Uint8Array {
  const fields = header([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xb, 0]).replace("0000000b", "0000000B");
  return padTo4(latin1(`${fields}TRAILER!!!\0`));
}

/** The fields of a header, in their order. */
type HeaderFields = readonly [
  inode: number,
  mode: number,
  uid: number,
  gid: number,
  links: number,
  modified: number,
  sizeBytes: number,
  major: number,
  minor: number,
  rMajor: number,
  rMinor: number,
  nameBytes: number,
  check: number,
];

function header(fields: HeaderFields): string {
  return `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
}

/** The bytes with zeros up to a multiple of four. */
export function padTo4(bytes: Uint8Array): Uint8Array {
  return concat(bytes, new Uint8Array((4 - (bytes.length % 4)) % 4));
}
