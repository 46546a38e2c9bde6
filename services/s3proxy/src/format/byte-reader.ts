import { FormatError } from "./error.ts";

/** Reads exact numbers of bytes from a source of pieces. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** At most `bytes` of what is there already; empty when `more()` must be called first. */
  buffered(bytes: number): Uint8Array {
    const taken = this.#piece.subarray(0, bytes);
    this.#piece = this.#piece.subarray(taken.length);
    return taken;
  }

  /** Waits for the next piece. @throws FormatError `truncated` at the end */
  async more(): Promise<void> {
    const { done, value } = await this.#source.next();
    if (done === true) throw new FormatError("truncated", "Read object failed: got its end, wanted more bytes");
    this.#piece = value;
  }

  /** Exactly `bytes`, copied together. @throws FormatError `truncated` */
  async read(bytes: number): Promise<Buffer> {
    const out = Buffer.allocUnsafe(bytes);
    await this.fill(out);
    return out;
  }

  /** Fills a buffer. @throws FormatError `truncated` */
  async fill(out: Buffer): Promise<void> {
    for (let at = 0; at < out.length; ) {
      const piece = this.buffered(out.length - at);
      if (piece.length === 0) await this.more();
      out.set(piece, at);
      at += piece.length;
    }
  }

  /** Passes over `bytes`. @throws FormatError `truncated` */
  async skip(bytes: number): Promise<void> {
    for (let left = bytes; left > 0; ) {
      const piece = this.buffered(left);
      if (piece.length === 0) await this.more();
      left -= piece.length;
    }
  }

  /** Stops the source. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
}
