import { BytesError, Cursor, fromLatin1 } from "@constellation/bytes";
import type { Bank, DigestAlgorithm } from "./algorithm.ts";
import { algorithmOf } from "./algorithm.ts";
import { EventLogError } from "./error.ts";
import { EV_NO_ACTION } from "./event-type.ts";

/** One event of a log (TCG_PCR_EVENT2; PC Client Platform Firmware Profile, 10.2.2). */
export interface LogEvent {
  /** The event's place in the log; the Spec ID event has number 0 and is not listed. */
  readonly number: number;
  readonly pcrIndex: number;
  /** See `EVENT_TYPE`. */
  readonly eventType: number;
  /** A digest for each bank of the log. */
  readonly digests: ReadonlyMap<Bank, Uint8Array>;
  /** The event data: says what was measured, but is not itself covered by the digest in general. */
  readonly event: Uint8Array;
}

/** A parsed crypto-agile event log. Nothing in it is to be believed before its replay equals quoted PCR values. */
export interface EventLog {
  /** Those of the header that this package knows. */
  readonly algorithms: readonly DigestAlgorithm[];
  readonly events: readonly LogEvent[];
}

/** What tells the formats of logs apart that are made of the same events. */
interface Dialect {
  /** Index in the header event. */
  readonly headerIndex: number;
  readonly minIndex: number;
  readonly maxIndex: number;
  /** Whether the log is an area that ends with erased bytes. */
  readonly erasedTail: boolean;
}

/** Log of a TPM. */
const TPM_LOG: Dialect = { headerIndex: 0, minIndex: 0, maxIndex: 23, erasedTail: false };
/** UEFI 2.10, 38.4: the log of a confidential machine, with measurement registers 1 to 4 in the place of PCRs. */
const CC_LOG: Dialect = { headerIndex: 1, minIndex: 1, maxIndex: 4, erasedTail: true };
/** What firmware fills the area with before it logs. */
const ERASED = 0xff;
const CLEARED = 0x00;

/** Largest log accepted, in bytes. */
export const MAX_LOG_BYTES: number = 16 * 1024 * 1024;
/** Most events accepted. */
export const MAX_EVENTS = 65_536;

const MAX_ALGORITHMS = 8;
const SHA1_BYTES = 20;
const SIGNATURE_BYTES = 16;
const SPEC_ID_SIGNATURE = "Spec ID Event03\0";

/**
 * Parses a TCG crypto-agile event log, as Linux gives it in `binary_bios_measurements`. The whole input must be
 * events, each with one digest of each algorithm of the header. Digests of an algorithm that is not known here are passed
 * over by the size that the header gives.
 * @throws EventLogError `too_large`, `truncated`, `format`, `unknown_algorithm` or `empty`
 */
export function parseEventLog(bytes: Uint8Array): EventLog {
  return parseLog(bytes, TPM_LOG);
}

/**
 * Parses the event log of a confidential machine, as Linux gives it in the ACPI table CCEL's data. `pcrIndex` of its
 * events is a measurement register, 1 to 4: on TDX, RTMR 0 to 3. Behind the events there may be erased bytes only.
 * @throws EventLogError as {@link parseEventLog}
 */
export function parseCcEventLog(bytes: Uint8Array): EventLog {
  return parseLog(bytes, CC_LOG);
}

function parseLog(bytes: Uint8Array, dialect: Dialect): EventLog {
  requireSize(bytes);
  const cursor = new Cursor(bytes);
  const algorithms = naming(0, () => readHeader(cursor, dialect));
  const events: LogEvent[] = [];
  while (cursor.remaining > 0 && !(dialect.erasedTail && isErased(bytes, cursor))) {
    readNext(events, (number) => readEvent(cursor, number, algorithms, dialect));
  }
  requireMeasurement(events);
  return { algorithms: algorithms.flatMap(({ known }) => known ?? []), events };
}

/** @throws EventLogError `too_large` */
export function requireSize(bytes: Uint8Array): void {
  if (bytes.length <= MAX_LOG_BYTES) return;
  throw new EventLogError(
    "too_large",
    `Parse event log failed: got ${bytes.length} bytes, wanted at most ${MAX_LOG_BYTES}`,
  );
}

/** @throws EventLogError `too_large`, and what `read` throws, with the number of the event */
export function readNext(events: LogEvent[], read: (number: number) => LogEvent): void {
  if (events.length === MAX_EVENTS) {
    throw new EventLogError("too_large", `Parse event log failed: got more than ${MAX_EVENTS} events`);
  }
  const number = events.length + 1;
  events.push(naming(number, () => read(number)));
}

/** @throws EventLogError `empty` */
export function requireMeasurement(events: readonly LogEvent[]): void {
  if (events.some(isMeasured)) return;
  throw new EventLogError("empty", "Parse event log failed: got no measurement, wanted at least one");
}

/**
 * An erased event starts with what can't be an index; then all bytes must be erased. Zero is no index of a measurement, but
 * may be one of other events, so that all bytes behind tell a cleared area.
 */
function isErased(bytes: Uint8Array, { offset, remaining }: Cursor): boolean {
  if (bytes.subarray(offset).every((byte) => byte === CLEARED)) return true;
  if (bytes.subarray(offset, offset + Math.min(4, remaining)).some((byte) => byte !== ERASED)) return false;
  if (bytes.subarray(offset).every((byte) => byte === ERASED)) return true;
  throw new EventLogError("format", "Parse event log failed: got bytes behind the last event, wanted erased ones only");
}

/** Whether an event extended its PCR; EV_NO_ACTION events only inform (10.4.1). */
export function isMeasured(event: LogEvent): boolean {
  return event.eventType !== EV_NO_ACTION;
}

/** An algorithm of the header; one that is not known here has a size all the same. */
interface ListedAlgorithm {
  readonly id: number;
  readonly sizeBytes: number;
  readonly known: DigestAlgorithm | undefined;
}

/** The header: a SHA-1 format event that holds a TCG_EfiSpecIDEvent (10.4.5.1). */
function readHeader(cursor: Cursor, { headerIndex }: Dialect): ListedAlgorithm[] {
  const pcrIndex = cursor.u32le();
  const eventType = cursor.u32le();
  cursor.take(SHA1_BYTES);
  if (pcrIndex !== headerIndex || eventType !== EV_NO_ACTION) {
    throw new EventLogError(
      "format",
      "Parse event log failed: the first event is not a Spec ID event of a crypto-agile log",
    );
  }
  const specId = new Cursor(cursor.take(cursor.u32le()));
  const signature = fromLatin1(specId.take(SIGNATURE_BYTES));
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

function readAlgorithms(specId: Cursor): ListedAlgorithm[] {
  const count = specId.u32le();
  if (count < 1 || count > MAX_ALGORITHMS) {
    throw new EventLogError("format", `Parse event log failed: got ${count} algorithms, wanted 1 to ${MAX_ALGORITHMS}`);
  }
  const algorithms = Array.from({ length: count }, () => readAlgorithm(specId));
  if (new Set(algorithms.map(({ id }) => id)).size !== count) {
    throw new EventLogError("format", "Parse event log failed: the header lists an algorithm twice");
  }
  if (algorithms.every(({ known }) => known === undefined))
    throw unknownAlgorithm((algorithms[0] as ListedAlgorithm).id);
  return algorithms;
}

/** TCG_EfiSpecIdEventAlgorithmSize: its digest size lets readers skip what they do not know. */
function readAlgorithm(specId: Cursor): ListedAlgorithm {
  const id = specId.u16le();
  const known = algorithmOf(id);
  const sizeBytes = specId.u16le();
  if (known !== undefined && sizeBytes !== known.sizeBytes) {
    throw new EventLogError(
      "format",
      `Parse event log failed: got digest size ${sizeBytes} for ${known.bank}, wanted ${known.sizeBytes}`,
    );
  }
  return { id, sizeBytes, known };
}

function readEvent(
  cursor: Cursor,
  number: number,
  algorithms: readonly ListedAlgorithm[],
  { minIndex, maxIndex }: Dialect,
): LogEvent {
  const pcrIndex = cursor.u32le();
  const eventType = cursor.u32le();
  if ((pcrIndex < minIndex || pcrIndex > maxIndex) && eventType !== EV_NO_ACTION) {
    throw new EventLogError(
      "format",
      `Parse event log failed: got PCR ${pcrIndex} in event ${number}, wanted ${minIndex} to ${maxIndex}`,
    );
  }
  const digests = readDigests(cursor, number, algorithms);
  return { number, pcrIndex, eventType, digests, event: cursor.take(cursor.u32le()) };
}

/** TPML_DIGEST_VALUES: a missing or doubled bank would let a log say different things to different verifiers. */
function readDigests(cursor: Cursor, number: number, algorithms: readonly ListedAlgorithm[]): Map<Bank, Uint8Array> {
  const count = cursor.u32le();
  if (count !== algorithms.length) {
    throw new EventLogError(
      "format",
      `Parse event log failed: got ${count} digests in event ${number}, wanted ${algorithms.length}`,
    );
  }
  const digests = new Map<number, Uint8Array>();
  for (let read = 0; read < count; read++) {
    const id = cursor.u16le();
    const listed = algorithms.find((algorithm) => algorithm.id === id);
    const sizeBytes = listed?.sizeBytes ?? algorithmOf(id)?.sizeBytes;
    if (sizeBytes === undefined) throw unknownAlgorithm(id);
    digests.set(id, cursor.take(sizeBytes));
  }
  const byBank = new Map<Bank, Uint8Array>();
  for (const { id, known } of algorithms) {
    const digest = digests.get(id);
    if (digest === undefined) {
      throw new EventLogError(
        "format",
        `Parse event log failed: event ${number} does not have the digests of the header`,
      );
    }
    if (known !== undefined) byBank.set(known.bank, digest);
  }
  return byBank;
}

function unknownAlgorithm(id: number): EventLogError {
  return new EventLogError(
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
