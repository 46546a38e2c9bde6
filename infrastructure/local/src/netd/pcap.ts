/** Writing of the classic pcap format with nanosecond timestamps (draft-ietf-opsawg-pcap), link type Ethernet. */

const MAGIC_NANOSECONDS = 0xa1b23c4d;
const LINKTYPE_ETHERNET = 1;
const SNAP_LENGTH = 262_144;

/** The header at the start of a capture file. */
export function pcapFileHeader(): Uint8Array {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC_NANOSECONDS);
  view.setUint16(4, 2);
  view.setUint16(6, 4);
  view.setUint32(16, SNAP_LENGTH);
  view.setUint32(20, LINKTYPE_ETHERNET);
  return bytes;
}

/** One frame's record; `timeMs` is milliseconds since the epoch, fractions kept. */
export function pcapRecord(frame: Uint8Array, timeMs: number): Uint8Array {
  const bytes = new Uint8Array(16 + frame.length);
  const view = new DataView(bytes.buffer);
  const seconds = Math.floor(timeMs / 1000);
  view.setUint32(0, seconds);
  view.setUint32(4, Math.floor((timeMs - seconds * 1000) * 1e6));
  view.setUint32(8, frame.length);
  view.setUint32(12, frame.length);
  bytes.set(frame, 16);
  return bytes;
}
