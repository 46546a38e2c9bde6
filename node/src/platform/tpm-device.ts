import { type FileHandle, open } from "node:fs/promises";
import type { TpmTransport } from "@constellation/tpm2";
import { NodeError } from "../errors.ts";
import { Mutex } from "./mutex.ts";

/** Largest command or response of the kernel's TPM devices (TPM_BUFSIZE). */
const BUFFER_BYTES = 4096;

/** The kernel's TPM with resource manager. Commands are whole writes, answers whole reads, one after the other. */
export class TpmDevice implements TpmTransport {
  readonly #file: FileHandle;
  readonly #mutex = new Mutex();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @throws NodeError `tpm` */
  static async open(path: string): Promise<TpmDevice> {
    try {
      return new TpmDevice(await open(path, "r+"));
    } catch (cause) {
      throw new NodeError("tpm", `Open TPM "${path}" failed`, { cause });
    }
  }

  transmit(command: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#mutex.run(async () => {
      signal?.throwIfAborted();
      const { bytesWritten } = await this.#file.write(command, 0, command.length, null);
      if (bytesWritten !== command.length) {
        throw new NodeError(
          "tpm",
          `Send TPM command failed: wrote "${bytesWritten}" bytes, wanted "${command.length}"`,
        );
      }
      const buffer = new Uint8Array(BUFFER_BYTES);
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, null);
      return buffer.subarray(0, bytesRead);
    });
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
