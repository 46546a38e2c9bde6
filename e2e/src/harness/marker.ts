import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";

/** A text that is nowhere else, and the byte strings that would give it away. */
export interface Marker {
  readonly text: string;
  readonly needles: readonly Buffer[];
}

const CHUNK_BYTES = 4 * 1024 * 1024;

/** Makes a marker: raw, in UTF-16, in hexadecimal, and in base64 at each of the three alignments. */
export function createMarker(): Marker {
  const text = `marker-${randomBytes(24).toString("hex")}`;
  const raw = Buffer.from(text);
  const needles = [raw, Buffer.from(text, "utf16le"), Buffer.from(raw.toString("hex")), ...base64Forms(raw)];
  return { text, needles };
}

/** The characters of base64 that depend on these bytes alone, for each place that they may begin at. */
function base64Forms(bytes: Buffer): Buffer[] {
  return [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    const whole = Math.floor((offset + bytes.length) / 3) * 4;
    return Buffer.from(text.slice(offset === 0 ? 0 : 4, whole));
  });
}

/** Whether one of the needles is in these bytes. */
export function contains(bytes: Uint8Array, { needles }: Marker): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return needles.some((needle) => buffer.includes(needle));
}

/**
 * Looks for the marker in a file of any size; parts that are all zeros, as the holes of a sparse one, are passed over.
 * @returns whether it is there, and how many bytes were not zeros
 */
export async function searchFile(path: string, marker: Marker): Promise<{ found: boolean; dataBytes: number }> {
  const overlap = Math.max(...marker.needles.map((needle) => needle.length)) - 1;
  const buffer = Buffer.alloc(overlap + CHUNK_BYTES);
  const zeros = Buffer.alloc(CHUNK_BYTES);
  const file = await open(path, "r");
  let [found, dataBytes] = [false, 0];
  try {
    for (let position = 0; !found; ) {
      const { bytesRead } = await file.read(buffer, overlap, CHUNK_BYTES, position);
      if (bytesRead === 0) break;
      const fresh = buffer.subarray(overlap, overlap + bytesRead);
      if (!fresh.equals(zeros.subarray(0, bytesRead))) {
        dataBytes += bytesRead;
        found = contains(buffer.subarray(0, overlap + bytesRead), marker);
      }
      buffer.copyWithin(0, bytesRead, bytesRead + overlap);
      position += bytesRead;
    }
  } finally {
    await file.close();
  }
  return { found, dataBytes };
}
