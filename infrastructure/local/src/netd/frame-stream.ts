/** Largest frame that QEMU's stream netdev may carry (its NET_BUFSIZE); more than that is not our peer. */
export const MAX_FRAME_BYTES = 4096 + 65536;

const LENGTH_BYTES = 4;

/** A frame's length on the wire of a `-netdev stream` is not one that QEMU sends. */
export class FrameStreamError extends Error {
  override readonly name = "FrameStreamError";
  readonly code = "frame-length";
}

/**
 * Splits the bytes of a `-netdev stream` connection (32-bit big-endian length before each frame) into frames.
 * Chunks may end anywhere. Memory is bounded by one frame and one chunk.
 */
export class FrameDecoder {
  #pending: Uint8Array = new Uint8Array(0);

  /**
   * Frames that are whole now; each is a view that the receiver must not change.
   * @throws FrameStreamError when a length is zero or above the bound
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const bytes = this.#pending.length === 0 ? chunk : join(this.#pending, chunk);
    const frames: Uint8Array[] = [];
    let offset = 0;
    while (bytes.length - offset >= LENGTH_BYTES) {
      const length = frameLength(bytes, offset);
      if (bytes.length - offset - LENGTH_BYTES < length) break;
      offset += LENGTH_BYTES;
      frames.push(bytes.subarray(offset, offset + length));
      offset += length;
    }
    this.#pending = bytes.subarray(offset);
    return frames;
  }
}

function frameLength(bytes: Uint8Array, offset: number): number {
  const length = new DataView(bytes.buffer, bytes.byteOffset + offset, LENGTH_BYTES).getUint32(0);
  if (length === 0 || length > MAX_FRAME_BYTES) {
    throw new FrameStreamError(`Read frame failed: got length "${length}", wanted 1 to "${MAX_FRAME_BYTES}"`);
  }
  return length;
}

/** The frame as it goes over a `-netdev stream` connection. */
export function encodeFrame(frame: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES + frame.length);
  new DataView(bytes.buffer).setUint32(0, frame.length);
  bytes.set(frame, LENGTH_BYTES);
  return bytes;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
