const FIRST_CAPACITY_BYTES = 16 * 1024;

/** Joins pieces as they come. A body in pieces of a byte each costs no more memory than another. */
export class GrowingBytes {
  #bytes = new Uint8Array(FIRST_CAPACITY_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(piece: Uint8Array): void {
    const wanted = this.#length + piece.length;
    if (wanted > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(wanted, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = wanted;
  }

  /** All pieces together. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
