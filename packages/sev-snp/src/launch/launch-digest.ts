import { concat } from "@constellation/bytes";
import { digest } from "@constellation/crypto";
import { PAGE_BYTES } from "./page.ts";

/** PAGE_TYPE (AMD 56860 section 8.17.2). */
export const PAGE_TYPE = { NORMAL: 1, VMSA: 2, ZERO: 3, UNMEASURED: 4, SECRETS: 5, CPUID: 6 } as const;

/** Types of pages whose contents are not measured, only that they are there. */
export type ContentlessPageType = (typeof PAGE_TYPE)["ZERO" | "UNMEASURED" | "SECRETS" | "CPUID"];

/** Bytes of a launch digest. */
export const LAUNCH_DIGEST_BYTES = 48;

const PAGE_INFO_BYTES = 0x70;
const NO_CONTENTS = new Uint8Array(LAUNCH_DIGEST_BYTES);

/**
 * The launch digest of a guest context: a chain of SHA-384 over one PAGE_INFO per page that SNP_LAUNCH_UPDATE adds
 * (AMD 56860 sections 8.17 and 8.17.2). Pages are no part of an initial migration image, and other privilege levels
 * have no permissions on them.
 */
export class LaunchDigest {
  #current: Uint8Array;

  /** Starts as SNP_LAUNCH_START does, with zeros, or from a digest that was taken before. */
  constructor(current: Uint8Array = NO_CONTENTS) {
    this.#current = current;
  }

  /** The digest over all pages so far: MEASUREMENT once the launch is finished. */
  get value(): Uint8Array {
    return this.#current;
  }

  /** Adds pages of PAGE_TYPE_NORMAL. `data` is whole pages. */
  addNormalPages(gpa: number, data: Uint8Array): void {
    for (let offset = 0; offset < data.length; offset += PAGE_BYTES) {
      this.#add(PAGE_TYPE.NORMAL, BigInt(gpa + offset), digest("sha384", data.subarray(offset, offset + PAGE_BYTES)));
    }
  }

  /** Adds a page of PAGE_TYPE_VMSA by the SHA-384 of its contents. */
  addVmsaPage(gpa: bigint, contents: Uint8Array): void {
    this.#add(PAGE_TYPE.VMSA, gpa, contents);
  }

  /** Adds pages whose contents are not measured. `sizeBytes` is whole pages. */
  addContentlessPages(type: ContentlessPageType, gpa: number, sizeBytes: number): void {
    for (let offset = 0; offset < sizeBytes; offset += PAGE_BYTES) {
      this.#add(type, BigInt(gpa + offset), NO_CONTENTS);
    }
  }

  /** PAGE_INFO: DIGEST_CUR, CONTENTS, LENGTH, PAGE_TYPE, IMI_PAGE, VMPL permissions, GPA. */
  #add(type: number, gpa: bigint, contents: Uint8Array): void {
    const tail = new DataView(new ArrayBuffer(PAGE_INFO_BYTES - 2 * LAUNCH_DIGEST_BYTES));
    tail.setUint16(0, PAGE_INFO_BYTES, true);
    tail.setUint8(2, type);
    tail.setBigUint64(8, gpa, true);
    this.#current = digest("sha384", concat(this.#current, contents, new Uint8Array(tail.buffer)));
  }
}
