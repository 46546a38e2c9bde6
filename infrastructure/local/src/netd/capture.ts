import { createWriteStream, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { pcapFileHeader, pcapRecord } from "./pcap.ts";

/** Frames beyond this many queued bytes are counted, not written: a slow disk must not fill the memory. */
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;

/** What a capture has seen. */
export interface CaptureStatus {
  path: string;
  frames: number;
  missed: number;
}

/** One capture of everything on the switch into a pcap file that only its owner can read. */
export class Capture {
  readonly path: string;
  readonly #stream: WriteStream;
  readonly #now: () => number;
  #frames = 0;
  #missed = 0;

  private constructor(path: string, stream: WriteStream, now: () => number) {
    this.path = path;
    this.#stream = stream;
    this.#now = now;
  }

  /** Creates the file; `now` gives milliseconds since the epoch. */
  static async start(path: string, now: () => number): Promise<Capture> {
    const stream = createWriteStream(path, { flags: "w", mode: 0o600 });
    await new Promise<void>((resolve, reject) => {
      stream.once("open", () => resolve());
      stream.once("error", reject);
    });
    stream.on("error", () => stream.destroy()); // a full disk ends the capture, not the network
    stream.write(pcapFileHeader());
    return new Capture(path, stream, now);
  }

  /** Adds a frame. */
  add(frame: Uint8Array): void {
    if (this.#stream.destroyed || this.#stream.writableLength > MAX_QUEUED_BYTES) {
      this.#missed += 1;
      return;
    }
    this.#stream.write(pcapRecord(frame, this.#now()));
    this.#frames += 1;
  }

  /** What was captured until now. */
  status(): CaptureStatus {
    return { path: this.path, frames: this.#frames, missed: this.#missed };
  }

  /** Writes out what is queued and closes the file. */
  async stop(): Promise<CaptureStatus> {
    if (!this.#stream.destroyed) {
      this.#stream.end();
      await finished(this.#stream);
    }
    return this.status();
  }
}
