import { BytesError, Cursor } from "@constellation/bytes";
import type { Bank, DigestAlgorithm } from "./algorithm.ts";
import { algorithmOf } from "./algorithm.ts";
import { EventLogError } from "./error.ts";
import { EVENT_TYPE } from "./event-type.ts";

/** One event of a log (TCG_PCR_EVENT2; PC Client Platform Firmware Profile, 10.2.2). */
export interface LogEvent {
  /** The event's place in the log; the Spec ID event has number 0 and is not listed. */
  readonly number: number;
  readonly pcrIndex: number;
  /** See {@link EVENT_TYPE}. */
  readonly eventType: number;
  /** A digest for each bank of the log. */
  readonly digests: ReadonlyMap<Bank, Uint8Array>;
  /** The event data: says what was measured, but is not itself covered by the digest in general. */
  readonly event: Uint8Array;
}

/** A parsed crypto-agile event log. Nothing in it is to be believed before its replay equals quoted PCR values. */
export interface EventLog {
  readonly algorithms: readonly DigestAlgorithm[];
  readonly events: readonly LogEvent[];
}

/** Largest log accepted, in bytes. */
export const MAX_LOG_BYTES: number = 16 * 1024 * 1024;
/** Most events accepted. */
export const MAX_EVENTS = 65_536;

const MAX_ALGORITHMS = 8;
const MAX_PCR_INDEX = 23;
const SHA1_BYTES = 20;
const SIGNATURE_BYTES = 16;
const SPEC_ID_SIGNATURE = "Spec ID Event03\0";

/**
 * Parses a TCG crypto-agile event log, as Linux gives it in `binary_bios_measurements`. The whole input must be
 * events, each with one digest of each algorithm of the header.
 * @throws EventLogError `too_large`, `truncated`, `format`, `unknown_algorithm` or `empty`
 */
export function parseEventLog(bytes: Uint8Array): EventLog {
  if (bytes.length > MAX_LOG_BYTES) {
    throw new EventLogError(
      "too_large",
      `Parse event log failed: got ${bytes.length} bytes, wanted at most ${MAX_LOG_BYTES}`,
    );
  }
  const cursor = new Cursor(bytes);
  const algorithms = naming(0, () => readHeader(cursor));
  const events: LogEvent[] = [];
  while (cursor.remaining > 0) {
    if (events.length === MAX_EVENTS) {
      throw new EventLogError("too_large", `Parse event log failed: got more than ${MAX_EVENTS} events`);
    }
    const number = events.length + 1;
    events.push(naming(number, () => readEvent(cursor, number, algorithms)));
  }
  if (!events.some(isMeasured)) {
    throw new EventLogError("empty", "Parse event log failed: got no measurement, wanted at least one");
  }
  return { algorithms, events };
}

/** Whether an event extended its PCR; EV_NO_ACTION events only inform (10.4.1). */
export function isMeasured(event: LogEvent): boolean {
  return event.eventType !== EVENT_TYPE.EV_NO_ACTION;
}

/** The header: a SHA-1 format event that holds a TCG_EfiSpecIDEvent (10.4.5.1). */
function readHeader(cursor: Cursor): DigestAlgorithm[] {
  const pcrIndex = cursor.u32le();
  const eventType = cursor.u32le();
  cursor.take(SHA1_BYTES);
  if (pcrIndex !== 0 || eventType !== EVENT_TYPE.EV_NO_ACTION) {
    throw new EventLogError(
      "format",
      "Parse event log failed: the first event is not a Spec ID event of a crypto-agile log",
    );
  }
  const specId = new Cursor(cursor.take(cursor.u32le()));
  const signature = Buffer.from(specId.take(SIGNATURE_BYTES)).toString("latin1");
  if (signature !== SPEC_ID_SIGNATURE) {
    throw new EventLogError(
      "format",
      `Parse event log failed: got signature ${JSON.stringify(signature)}, wanted "Spec ID Event03"`,
    );
  }
  specId.take(8); // platformClass, specVersionMinor, specVersionMajor, specErrata, uintnSize
  const algorithms = readAlgorithms(specId);
  specId.take(specId.u8());
  specId.end();
  return algorithms;
}

function readAlgorithms(specId: Cursor): DigestAlgorithm[] {
  const count = specId.u32le();
  if (count < 1 || count > MAX_ALGORITHMS) {
    throw new EventLogError("format", `Parse event log failed: got ${count} algorithms, wanted 1 to ${MAX_ALGORITHMS}`);
  }
  const algorithms = Array.from({ length: count }, () => readAlgorithm(specId));
  if (new Set(algorithms).size !== count) {
    throw new EventLogError("format", "Parse event log failed: the header lists an algorithm twice");
  }
  return algorithms;
}

function readAlgorithm(specId: Cursor): DigestAlgorithm {
  const algorithm = requireAlgorithm(specId.u16le());
  const digestSize = specId.u16le();
  if (digestSize !== algorithm.sizeBytes) {
    throw new EventLogError(
      "format",
      `Parse event log failed: got digest size ${digestSize} for ${algorithm.bank}, wanted ${algorithm.sizeBytes}`,
    );
  }
  return algorithm;
}

function readEvent(cursor: Cursor, number: number, algorithms: readonly DigestAlgorithm[]): LogEvent {
  const pcrIndex = cursor.u32le();
  const eventType = cursor.u32le();
  if (pcrIndex > MAX_PCR_INDEX && eventType !== EVENT_TYPE.EV_NO_ACTION) {
    throw new EventLogError(
      "format",
      `Parse event log failed: got PCR ${pcrIndex} in event ${number}, wanted at most 23`,
    );
  }
  const digests = readDigests(cursor, number, algorithms);
  return { number, pcrIndex, eventType, digests, event: cursor.take(cursor.u32le()) };
}

/** TPML_DIGEST_VALUES: a missing or doubled bank would let a log say different things to different verifiers. */
function readDigests(cursor: Cursor, number: number, algorithms: readonly DigestAlgorithm[]): Map<Bank, Uint8Array> {
  const count = cursor.u32le();
  if (count !== algorithms.length) {
    throw new EventLogError(
      "format",
      `Parse event log failed: got ${count} digests in event ${number}, wanted ${algorithms.length}`,
    );
  }
  const digests = new Map<Bank, Uint8Array>();
  for (let read = 0; read < count; read++) {
    const algorithm = requireAlgorithm(cursor.u16le());
    digests.set(algorithm.bank, cursor.take(algorithm.sizeBytes));
  }
  if (!algorithms.every(({ bank }) => digests.has(bank))) {
    throw new EventLogError(
      "format",
      `Parse event log failed: event ${number} does not have the digests of the header`,
    );
  }
  return digests;
}

function requireAlgorithm(id: number): DigestAlgorithm {
  const algorithm = algorithmOf(id);
  if (algorithm !== undefined) return algorithm;
  throw new EventLogError(
    "unknown_algorithm",
    `Parse event log failed: got digest algorithm "0x${id.toString(16).padStart(4, "0")}", wanted SHA-1, SHA-256, SHA-384 or SHA-512`,
  );
}

function naming<T>(number: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BytesError)) throw error;
    const code = error.code === "truncated" ? "truncated" : "format";
    throw new EventLogError(code, `Parse event log failed: event ${number}: ${error.message}`, error);
  }
}
