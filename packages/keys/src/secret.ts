import { timingSafeEqual } from "node:crypto";

const MASK = "[secret]";

/**
 * Bytes that must not be seen (T6). Every way of printing it gives "[secret]"; only `reveal()` gives the bytes, so that
 * each use of the bytes can be found by that word.
 */
export class Secret {
  readonly #bytes: Uint8Array;

  /** Takes a copy: the caller can clear its own. */
  constructor(bytes: Uint8Array) {
    this.#bytes = Uint8Array.from(bytes);
  }

  get lengthBytes(): number {
    return this.#bytes.length;
  }

  /** The bytes themselves, not a copy (copies can't be cleared). Do not change, keep or print them. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  /** Compares in time that does not depend on the contents (T11). */
  equals(other: Secret): boolean {
    return this.lengthBytes === other.lengthBytes && timingSafeEqual(this.#bytes, other.reveal());
  }

  /** Overwrites the bytes with zeros. */
  wipe(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [Symbol.toPrimitive](): string {
    return MASK;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return MASK;
  }
}
