import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TpmTransport } from "@constellation/tpm2";
import { LocalError } from "../errors.ts";

const HEADER_BYTES = 10;
const MAX_ANSWER_BYTES = 64 * 1024;
const TIMEOUT_MS = 60_000;

/** TPM commands over swtpm's command socket: whole commands in, whole answers out, one after the other. */
export class UnixTpmTransport implements TpmTransport {
  readonly #socket: Socket;
  #answer: { bytes: Uint8Array; resolve: (answer: Uint8Array) => void; reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("timeout", () => this.#fail(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("connection closed")));
    socket.on("data", (chunk) => this.#receive(chunk));
  }

  /** Connects to the socket `path`. */
  static async open(path: string): Promise<UnixTpmTransport> {
    const socket = connect(path);
    await once(socket, "connect");
    return new UnixTpmTransport(socket);
  }

  transmit(command: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    if (this.#answer !== undefined) return Promise.reject(failure("a command is under way already"));
    if (this.#socket.destroyed) return Promise.reject(failure("the connection is closed"));
    return new Promise((resolve, reject) => {
      this.#answer = { bytes: new Uint8Array(0), resolve, reject };
      this.#socket.setTimeout(TIMEOUT_MS);
      this.#socket.write(command);
    });
  }

  /** Closes the connection. */
  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Uint8Array): void {
    const answer = this.#answer;
    if (answer === undefined) return this.#fail(new Error("answer without a command"));
    answer.bytes = Buffer.concat([answer.bytes, chunk]);
    if (answer.bytes.length < HEADER_BYTES) return;
    const size = Buffer.from(answer.bytes.buffer, answer.bytes.byteOffset).readUInt32BE(2);
    if (size > MAX_ANSWER_BYTES || answer.bytes.length > size) return this.#fail(new Error(`answer of size ${size}`));
    if (answer.bytes.length < size) return;
    this.#answer = undefined;
    this.#socket.setTimeout(0); // between commands there may be any time
    answer.resolve(answer.bytes);
  }

  #fail(cause: Error): void {
    this.#socket.destroy();
    this.#answer?.reject(failure(cause.message, cause));
    this.#answer = undefined;
  }
}

function failure(what: string, cause?: Error): LocalError {
  return new LocalError("tpm-failed", `Talk to swtpm failed: ${what}`, { cause });
}
