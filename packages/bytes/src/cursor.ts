import { BytesError } from "./error.ts";

/**
 * Reads integers and slices from front to back and refuses to run past the end.
 * Slices are views of the input, not copies; the input must not be changed while they are in use.
 */
export class Cursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    // A plain view, so that slices of a Buffer are Uint8Arrays too.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Number of bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Number of bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16be(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  u32be(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  u64be(): bigint {
    return this.#view.getBigUint64(this.#advance(8));
  }

  u16le(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u32le(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  u64le(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  /** The next `length` bytes. Throws `BytesError` "length" for a length that is no count, "truncated" past the end. */
  take(length: number): Uint8Array {
    if (!Number.isSafeInteger(length) || length < 0) {
      throw new BytesError("length", `Read bytes failed: got length "${length}", wanted a non-negative integer`);
    }
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** All bytes not read yet. */
  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  /** Ends the reading. Throws `BytesError` "trailing" when bytes are left. */
  end(): void {
    if (this.remaining !== 0) {
      throw new BytesError("trailing", `Read bytes failed: got "${this.remaining}" bytes after the end, wanted "0"`);
    }
  }

  #advance(length: number): number {
    if (length > this.remaining) {
      throw new BytesError(
        "truncated",
        `Read bytes failed: got "${this.remaining}" bytes at offset "${this.#offset}", wanted "${length}"`,
      );
    }
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}
