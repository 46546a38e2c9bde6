import { rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { encodeFrame, FrameDecoder } from "./frame-stream.ts";

/** Frames are dropped while a port has this much unsent: a slow machine must not hold memory or its neighbours. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;

/** What a port has carried. */
export interface PortStatus {
  connected: boolean;
  received: number;
  sent: number;
  dropped: number;
}

/** The unix socket of one switch port; a new connection takes the place of the one before (a restarted machine). */
export class PortListener {
  readonly #server: Server;
  readonly #path: string;
  readonly #onFrame: (frame: Uint8Array) => void;
  #socket: Socket | undefined;
  #received = 0;
  #sent = 0;
  #dropped = 0;

  private constructor(path: string, onFrame: (frame: Uint8Array) => void) {
    this.#path = path;
    this.#onFrame = onFrame;
    this.#server = createServer((socket) => this.#attach(socket));
  }

  /** Listens on `path`, in place of a socket file that a dead process left there. */
  static async open(path: string, onFrame: (frame: Uint8Array) => void): Promise<PortListener> {
    await rm(path, { force: true });
    const listener = new PortListener(path, onFrame);
    await new Promise<void>((resolve, reject) => {
      listener.#server.once("error", reject);
      listener.#server.listen(path, () => resolve());
    });
    listener.#server.on("error", () => undefined); // accept errors such as EMFILE: the next one may work
    return listener;
  }

  /** Queues a frame for the machine, or drops it when the machine is absent or too slow. */
  send(frame: Uint8Array): void {
    const socket = this.#socket;
    if (socket === undefined || socket.writableLength > MAX_QUEUED_BYTES) {
      this.#dropped += 1;
      return;
    }
    if (socket.writableCorked === 0) {
      socket.cork(); // all frames of one turn of the event loop go out in one system call
      process.nextTick(() => socket.uncork());
    }
    socket.write(encodeFrame(frame));
    this.#sent += 1;
  }

  /** What the port has carried. */
  status(): PortStatus {
    const connected = this.#socket !== undefined;
    return { connected, received: this.#received, sent: this.#sent, dropped: this.#dropped };
  }

  /** Stops listening, cuts the connection and removes the socket file. */
  async close(): Promise<void> {
    this.#socket?.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await rm(this.#path, { force: true });
  }

  #attach(socket: Socket): void {
    this.#socket?.destroy();
    this.#socket = socket;
    const decoder = new FrameDecoder();
    socket.on("data", (chunk) => this.#receive(socket, decoder, chunk));
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
  }

  #receive(socket: Socket, decoder: FrameDecoder, chunk: Uint8Array): void {
    try {
      for (const frame of decoder.push(chunk)) {
        this.#received += 1;
        this.#onFrame(frame);
      }
    } catch {
      socket.destroy(); // not a netdev stream: the peer may connect again
    }
  }
}
