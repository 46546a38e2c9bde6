import { HarnessError } from "./error.ts";

const HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** Microsecond and nanosecond format (draft-ietf-opsawg-pcap). */
const MAGICS: ReadonlySet<number> = new Set([0xa1b2c3d4, 0xa1b23c4d]);
const LINKTYPE_ETHERNET = 1;

/**
 * The frames of a capture file, in order. A file that was cut off in a frame is refused: what is missing could be what
 * is looked for.
 * @throws HarnessError `capture`
 */
export function* parsePcap(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES) throw malformed(`${bytes.length} bytes`, "a header");
  const littleEndian = MAGICS.has(view.getUint32(0, true));
  if (!littleEndian && !MAGICS.has(view.getUint32(0))) throw malformed("another magic number", "pcap");
  if (view.getUint32(20, littleEndian) !== LINKTYPE_ETHERNET) throw malformed("another link type", "Ethernet");
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    if (at + RECORD_HEADER_BYTES > bytes.length) throw malformed("a cut-off record", "a whole one");
    const [captured, original] = [view.getUint32(at + 8, littleEndian), view.getUint32(at + 12, littleEndian)];
    const start = at + RECORD_HEADER_BYTES;
    at = start + captured;
    if (captured !== original || at > bytes.length) throw malformed("a cut-off frame", "a whole one");
    yield bytes.subarray(start, at);
  }
}

function malformed(got: string, wanted: string): HarnessError {
  return new HarnessError("capture", `Parse capture failed: got ${got}, wanted ${wanted}`);
}
