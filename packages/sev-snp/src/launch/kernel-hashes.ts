import { concat, fromHex, utf8 } from "@constellation/bytes";
import { digest } from "@constellation/crypto";
import { SevSnpError } from "../error.ts";
import type { GuestRange } from "./firmware.ts";
import { guidHex } from "./guid.ts";
import { PAGE_BYTES } from "./page.ts";

/** SHA-256 digests of what a VMM boots directly, 32 bytes each. */
export interface KernelHashes {
  readonly kernel: Uint8Array;
  /** Of no bytes, where there is no initrd. */
  readonly initrd: Uint8Array;
  /** Of the command line with its terminating zero byte. */
  readonly cmdline: Uint8Array;
}

/** The files of a direct boot. */
export interface DirectBoot {
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
  /** Without its terminating zero byte. */
  readonly cmdline: string;
}

/** GUIDs of QEMU's table of hashes and its entries (QEMU target/i386/sev). */
const GUID = {
  TABLE: guidHex("9438d606-4f22-4cc9-b479-a793d411fd21"),
  KERNEL: guidHex("4de79437-abd2-427f-b835-d5b172d2045b"),
  INITRD: guidHex("44baf731-3a2f-4bd7-9af1-41e29169781d"),
  CMDLINE: guidHex("97d02dd8-bd20-4c94-aa78-e7714d36ab2a"),
} as const;

const SHA256_BYTES = 32;
const ENTRY_HEADER_BYTES = 18;
const ENTRY_BYTES = ENTRY_HEADER_BYTES + SHA256_BYTES;
const TABLE_BYTES = ENTRY_HEADER_BYTES + 3 * ENTRY_BYTES;
/** The table is padded to a multiple of 16 bytes. */
const PADDED_TABLE_BYTES = 176;

/** The hashes of a direct boot as QEMU takes them (`-kernel`, `-initrd`, `-append` with `kernel-hashes=on`). */
export function hashDirectBoot({ kernel, initrd, cmdline }: DirectBoot): KernelHashes {
  if (cmdline.includes("\0")) {
    throw new SevSnpError("launch_input", "Hash command line failed: got a zero character inside, wanted none");
  }
  return {
    kernel: digest("sha256", kernel),
    initrd: digest("sha256", initrd),
    cmdline: digest("sha256", utf8(`${cmdline}\0`)),
  };
}

/**
 * The page that holds the table of hashes where the firmware looks for it, zeros around it. Throws `SevSnpError`
 * "launch_input" for digests of another length, "firmware" where the table has no room.
 */
export function kernelHashesPage(hashes: KernelHashes, { gpa, sizeBytes }: GuestRange): Uint8Array {
  const offset = gpa % PAGE_BYTES;
  if (sizeBytes < PADDED_TABLE_BYTES || offset + PADDED_TABLE_BYTES > PAGE_BYTES) {
    throw new SevSnpError(
      "firmware",
      `Place kernel hashes failed: got ${sizeBytes} bytes at 0x${gpa.toString(16)}, wanted ${PADDED_TABLE_BYTES} in one page`,
    );
  }
  const page = new Uint8Array(PAGE_BYTES);
  page.set(hashTable(hashes), offset);
  return page;
}

function hashTable({ cmdline, initrd, kernel }: KernelHashes): Uint8Array {
  return concat(
    header(GUID.TABLE, TABLE_BYTES),
    entry(GUID.CMDLINE, cmdline),
    entry(GUID.INITRD, initrd),
    entry(GUID.KERNEL, kernel),
  );
}

function entry(guid: string, hash: Uint8Array): Uint8Array {
  if (hash.length !== SHA256_BYTES) {
    throw new SevSnpError("launch_input", `Place kernel hashes failed: got ${hash.length} bytes, wanted a SHA-256`);
  }
  return concat(header(guid, ENTRY_BYTES), hash);
}

/** GUID and 16-bit length, header included. */
function header(guid: string, lengthBytes: number): Uint8Array {
  return concat(fromHex(guid), Uint8Array.of(lengthBytes & 0xff, lengthBytes >> 8));
}
