import { once } from "node:events";
import type { Socket } from "node:net";
import { createConnection } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const HEADER_BYTES = 10;
const SIZE_OFFSET = 2;
const FIRST_DELAY_MS = 10;
const MAX_DELAY_MS = 200;
const CONNECT_TIMEOUT_MS = 30_000;

/** A stream connection to a TPM: answers are cut by the size in their header, commands go one after the other. */
export class SwtpmConnection {
  readonly #socket: Socket;
  #queue: Promise<unknown> = Promise.resolve();
  #received: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
  }

  /** Connects to a unix socket that is about to appear, for at most 30 s, with back-off. */
  static async open(path: string): Promise<SwtpmConnection> {
    const deadline = performance.now() + CONNECT_TIMEOUT_MS;
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(2 * delayMs, MAX_DELAY_MS)) {
      const socket = createConnection(path);
      try {
        await once(socket, "connect");
        return new SwtpmConnection(socket);
      } catch (error) {
        socket.destroy();
        if (performance.now() > deadline) throw error;
        await delay(delayMs);
      }
    }
  }

  /** Sends a command and waits for its whole answer. */
  transmit(command: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    const answer = this.#queue.then(() => this.#exchange(command, signal));
    this.#queue = answer.catch(() => undefined);
    return answer;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #exchange(command: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array> {
    signal?.throwIfAborted();
    this.#socket.write(command);
    for (;;) {
      const answer = this.#takeAnswer();
      if (answer !== undefined) return answer;
      if (this.#socket.destroyed || this.#socket.readableEnded)
        throw new Error("Transmit to swtpm failed: connection closed");
      await this.#moreOrClosed(signal);
    }
  }

  #takeAnswer(): Uint8Array | undefined {
    if (this.#received.length < HEADER_BYTES) return undefined;
    const size = this.#received.readUInt32BE(SIZE_OFFSET);
    if (this.#received.length < size) return undefined;
    const answer = new Uint8Array(this.#received.subarray(0, size));
    this.#received = this.#received.subarray(size);
    return answer;
  }

  async #moreOrClosed(signal: AbortSignal | undefined): Promise<void> {
    const listening = new AbortController();
    const stop = signal === undefined ? listening.signal : AbortSignal.any([listening.signal, signal]);
    try {
      await Promise.race(["data", "close", "end"].map((event) => once(this.#socket, event, { signal: stop })));
    } catch (error) {
      // The answer to the abandoned command would be taken for the next one's.
      this.#socket.destroy();
      throw error;
    } finally {
      listening.abort();
    }
  }
}
