import {
  type EventLog,
  isMeasured,
  type LogEvent,
  parseCcEventLog,
  parseEventLog,
  parseLegacyEventLog,
} from "@constellation/eventlog";
import { type Range, rangeOf, type Reason } from "./range.ts";

/** What of a log is compared with something. */
export interface Compared {
  readonly banks: readonly string[];
  /** Undefined: every register that the log extends. */
  readonly registers: readonly number[] | undefined;
}

/** In a log of the kind stated: whatever no register is extended with, or what nobody compares. */
export function unmeasured(bytes: Uint8Array, format: "tcg" | "legacy" | "cc", compared: Compared): Range[] {
  const log = PARSERS[format](bytes);
  const headerEnd = format === "legacy" ? 0 : SPEC_ID + readU32(bytes, SPEC_ID - 4);
  const ranges = format === "legacy" ? [] : specIdRanges(bytes, headerEnd);
  let start = headerEnd;
  for (const event of log.events) {
    ranges.push(...eventRanges(bytes, start, event, compared));
    start = endOf(bytes, event);
  }
  return format === "cc" ? [...ranges, lastLength(bytes, log)] : ranges;
}

const PARSERS = { tcg: parseEventLog, legacy: parseLegacyEventLog, cc: parseCcEventLog };

/** Index, type, SHA-1 digest and size, then TCG_EfiSpecIDEvent. */
const SPEC_ID = 32;
const SPEC_ID_SIGNATURE = 16;
/** platformClass, version numbers, uintnSize. */
const SPEC_ID_VERSIONS = 8;

/** What the header says beside its algorithms: digest, platform class and versions, and the vendor's own. */
function specIdRanges(bytes: Uint8Array, end: number): Range[] {
  const reason = "specId";
  const versions = SPEC_ID + SPEC_ID_SIGNATURE;
  const algorithms = versions + SPEC_ID_VERSIONS;
  const vendorInfo = algorithms + 4 + 4 * readU32(bytes, algorithms) + 1;
  return [
    { start: 8, end: 28, reason },
    { start: versions, end: algorithms, reason },
    { start: vendorInfo, end, reason },
  ];
}

function eventRanges(bytes: Uint8Array, start: number, event: LogEvent, compared: Compared): Range[] {
  if (isStartupLocality(event) && isCompared(event, compared)) return startupLocality(bytes, start, event, compared);
  const free = isMeasured(event) ? freeOf(event, compared) : "noAction";
  const index: Range[] = free === undefined ? [] : [{ start, end: start + 4, reason: free }];
  return [
    ...index,
    ...typeRanges(start, event, compared),
    ...digestRanges(bytes, event, compared, free),
    rangeOf(bytes, event.event, isMeasured(event) ? "eventData" : "noAction"),
  ];
}

/** An event that only informs would extend its register were it of another type. */
function typeRanges(start: number, event: LogEvent, compared: Compared): Range[] {
  const range = (reason: Reason): Range => ({ start: start + 4, end: start + 8, reason });
  if (isMeasured(event)) return [range("eventType")];
  return isCompared(event, compared) ? [] : [range("otherRegister")];
}

function digestRanges(bytes: Uint8Array, event: LogEvent, { banks }: Compared, free: Reason | undefined): Range[] {
  return Array.from(event.digests).flatMap(([bank, digest]) => {
    const reason = free ?? (banks.includes(bank) ? undefined : bank === "sha1" ? "sha1" : "otherBank");
    return reason === undefined ? [] : [rangeOf(bytes, digest, reason)];
  });
}

function freeOf(event: LogEvent, compared: Compared): Reason | undefined {
  return isCompared(event, compared) ? undefined : "otherRegister";
}

function isCompared({ pcrIndex }: LogEvent, { registers }: Compared): boolean {
  return registers === undefined || registers.includes(pcrIndex);
}

const STARTUP_LOCALITY = "StartupLocality\0";

function isStartupLocality(event: LogEvent): boolean {
  const text = Buffer.from(event.event).toString("latin1");
  return !isMeasured(event) && event.pcrIndex === 0 && text.startsWith(STARTUP_LOCALITY) && text.length === 17;
}

/** PC Client Platform Firmware Profile, 10.4.5.3: PCR 0 starts with the locality, or with zero where none is stated. */
function startupLocality(bytes: Uint8Array, start: number, event: LogEvent, compared: Compared): Range[] {
  const reason = "noAction";
  const digests = digestRanges(bytes, event, compared, reason);
  const isZero = event.event.at(-1) === 0;
  if (!isZero) return digests;
  const signature = rangeOf(bytes, event.event.subarray(0, STARTUP_LOCALITY.length), reason);
  return [{ start, end: start + 4, reason }, ...digests, signature];
}

function lastLength(bytes: Uint8Array, { events }: EventLog): Range {
  const { start } = rangeOf(bytes, (events.at(-1) as LogEvent).event, "erasedTail");
  return { start: start - 4, end: start, reason: "erasedTail" };
}

function endOf(bytes: Uint8Array, { event }: LogEvent): number {
  return event.byteOffset - bytes.byteOffset + event.length;
}

function readU32(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);
}
