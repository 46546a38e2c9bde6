const PAGE = 4096;

const ZEROS = new Uint8Array(PAGE);

/** The bytes of a block device; what was never written is zeros and takes no memory. */
export class SparseDevice {
  sizeBytes: number;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }

  read(offset: number, length: number): Uint8Array {
    if (offset + length > this.sizeBytes) throw new Error("read past the end");
    const bytes = new Uint8Array(length);
    for (const [page, content] of this.#pages) {
      const start = page * PAGE;
      if (start + PAGE <= offset || start >= offset + length) continue;
      const from = Math.max(start, offset);
      const to = Math.min(start + PAGE, offset + length);
      bytes.set(content.subarray(from - start, to - start), from - offset);
    }
    return bytes;
  }

  isBlank(offset: number, length: number): boolean {
    for (const [page, content] of this.#pages) {
      const start = page * PAGE;
      if (start + PAGE <= offset || start >= offset + length) continue;
      if (!isZero(content.subarray(Math.max(0, offset - start), Math.min(PAGE, offset + length - start)))) return false;
    }
    return true;
  }

  write(offset: number, bytes: Uint8Array): void {
    if (this.isBlank(offset, bytes.length) && bytes.every((byte) => byte === 0)) return;
    for (let done = 0; done < bytes.length; ) {
      const page = Math.floor((offset + done) / PAGE);
      const at = (offset + done) % PAGE;
      const piece = bytes.subarray(done, done + PAGE - at);
      const content = this.#pages.get(page);
      if (content !== undefined) content.set(piece, at);
      else if (!isZero(piece)) this.#pages.set(page, pageWith(piece, at));
      done += piece.length;
    }
  }

  /** Another device with the same content: a snapshot. */
  clone(): SparseDevice {
    const copy = new SparseDevice(this.sizeBytes);
    for (const [page, content] of this.#pages) copy.#pages.set(page, Uint8Array.from(content));
    return copy;
  }
}

function isZero(bytes: Uint8Array): boolean {
  return Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0;
}

function pageWith(piece: Uint8Array, at: number): Uint8Array {
  const page = new Uint8Array(PAGE);
  page.set(piece, at);
  return page;
}
