import { createHash } from "node:crypto";
import { concat, utf8 } from "@constellation/bytes";

/** An event of a CC event log. */
export interface FakeCcEvent {
  /** Log register index: 1 is RTMR0. */
  readonly register: number;
  readonly data: string;
}

const EV_NO_ACTION = 3;
const EV_EVENT_TAG = 6;
const SHA384 = 0x0c;
const u16 = (value: number) => new Uint8Array(Uint16Array.of(value).buffer);
const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);

/** A CC event log with SHA-384 digests, or those of another algorithm, in an area with erased bytes at its end. */
export function fakeCcel(events: readonly FakeCcEvent[], algorithm = SHA384, digestBytes = 48): Uint8Array {
  const algorithms = concat(u32(1), u16(algorithm), u16(digestBytes), Uint8Array.of(0));
  const specId = concat(utf8("Spec ID Event03\0"), u32(0), Uint8Array.of(0, 2, 0, 2), algorithms);
  const header = concat(u32(1), u32(EV_NO_ACTION), new Uint8Array(20), u32(specId.length), specId);
  const list = events.map(({ register, data }) => {
    const bytes = utf8(data);
    const digest = digestOf(data).subarray(0, digestBytes);
    return concat(u32(register), u32(EV_EVENT_TAG), u32(1), u16(algorithm), digest, u32(bytes.length), bytes);
  });
  return concat(header, ...list, new Uint8Array(64).fill(0xff));
}

/** The value of a register after these events. */
export function fakeRtmr(...data: readonly string[]): Uint8Array {
  return data.reduce(
    (value, text) => new Uint8Array(createHash("sha384").update(value).update(digestOf(text)).digest()),
    new Uint8Array(48),
  );
}

function digestOf(data: string): Uint8Array {
  return new Uint8Array(createHash("sha384").update(data).digest());
}
