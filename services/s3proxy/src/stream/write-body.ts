import type { OutgoingMessage } from "node:http";
import { Pace } from "./pace.ts";

/** What may wait in the socket of a request: enough that the store does not wait for us. */
export const REQUEST_WINDOW_BYTES = 131_072;
/**
 * The same for an answer: less than the mark at which Node.js calls a socket full (64 KiB). A connection that is full when
 * the client's next request comes is cut off by Node.js ("Parse Error: Paused"), and a client may have the last byte of an
 * answer before we hear that it was sent.
 */
export const ANSWER_WINDOW_BYTES = 49_152;

/**
 * Writes a body to a request or an answer and ends it. What may be written next is decided by the callbacks of writes and
 * not by `drain`: once a store has answered in full, Node.js passes that event of a request on no more, and the rest of its
 * body would wait for ever.
 * @throws what the source throws, or why the connection ended (`ETIMEDOUT`: a receiver that is too slow); the message is then
 * destroyed
 */
export async function writeBody(
  message: OutgoingMessage,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  windowBytes: number,
  pace = new Pace(),
): Promise<void> {
  const writer = new BodyWriter(message, windowBytes, pace);
  try {
    for await (const piece of source) {
      // Halves: one is made or waited for while the other is sent.
      const most = windowBytes / 2;
      for (let at = 0; at < piece.length; at += most) await writer.write(piece.subarray(at, at + most));
    }
    message.end();
  } catch (error) {
    message.destroy(error as Error);
    throw error;
  } finally {
    writer.close();
  }
}

/** Writes to a message, with a bound on what its socket has not taken yet. */
class BodyWriter {
  readonly #message: OutgoingMessage;
  readonly #windowBytes: number;
  readonly #pace: Pace;
  #waitingBytes = 0;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  constructor(message: OutgoingMessage, windowBytes: number, pace: Pace) {
    this.#message = message;
    this.#pace = pace;
    this.#windowBytes = windowBytes;
    message.on("error", this.#fail).on("close", this.#closed);
    if (message.destroyed) this.#closed();
  }

  /** Waits until there is room for a piece, and writes it. @throws why the connection ended */
  async write(piece: Uint8Array): Promise<void> {
    while (this.#waitingBytes + piece.length > this.#windowBytes && this.#failure === undefined) {
      await this.#pace.wait((wake) => (this.#wake = wake), this.#fail);
    }
    if (this.#failure !== undefined) throw this.#failure;
    this.#waitingBytes += piece.length;
    this.#message.write(piece, () => {
      this.#waitingBytes -= piece.length;
      this.#pace.moved(piece.length);
      this.#wake();
    });
  }

  close(): void {
    this.#message.off("close", this.#closed);
  }

  readonly #fail = (error: Error): void => {
    this.#failure ??= error;
    this.#wake();
  };

  readonly #closed = (): void => this.#fail(Object.assign(new Error("the connection ended"), { code: "ECONNRESET" }));
}
