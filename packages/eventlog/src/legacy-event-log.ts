import { Cursor } from "@constellation/bytes";
import type { DigestAlgorithm } from "./algorithm.ts";
import { algorithmOf } from "./algorithm.ts";
import { EventLogError } from "./error.ts";
import { type EventLog, type LogEvent, readNext, requireMeasurement, requireSize } from "./event-log.ts";
import { EV_NO_ACTION } from "./event-type.ts";

const TPM_ALG_SHA1 = 0x0004;
const SHA1 = algorithmOf(TPM_ALG_SHA1) as DigestAlgorithm;
const MAX_PCR_INDEX = 23;

/**
 * Parses an event log of the time before digest banks (TCG_PCR_EVENT; PC Client Platform Firmware Profile, 10.2.1):
 * SHA-1 only, so good for reading and for no decision.
 * @throws EventLogError `too_large`, `truncated`, `format` or `empty`
 */
export function parseLegacyEventLog(bytes: Uint8Array): EventLog {
  requireSize(bytes);
  const cursor = new Cursor(bytes);
  const events: LogEvent[] = [];
  while (cursor.remaining > 0) readNext(events, (number) => readEvent(cursor, number));
  requireMeasurement(events);
  return { algorithms: [SHA1], events };
}

function readEvent(cursor: Cursor, number: number): LogEvent {
  const pcrIndex = cursor.u32le();
  const eventType = cursor.u32le();
  if (pcrIndex > MAX_PCR_INDEX && eventType !== EV_NO_ACTION) {
    throw new EventLogError("format", `Parse event log failed: got PCR ${pcrIndex} in event ${number}, wanted 0 to 23`);
  }
  const digests = new Map([[SHA1.bank, cursor.take(SHA1.sizeBytes)]]);
  return { number, pcrIndex, eventType, digests, event: cursor.take(cursor.u32le()) };
}
