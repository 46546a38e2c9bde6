import { equalConstantTime, hex } from "@constellation/bytes";
import { type Bank, type EventLog, EventLogError, isMeasured, parseEventLog, replay } from "@constellation/eventlog";
import { about, type Check } from "@constellation/verdict";
import type { EventLogCode } from "./check-code.ts";

const { check, fail, pass } = about("executables.log");

/** What {@link verifyEventLog} judges, and against what. */
export interface EventLogInput {
  /** The bytes of a TCG log, crypto-agile. */
  readonly eventLog: Uint8Array;
  readonly bank: Bank;
  /** Values that are believed already, as by a quote. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /**
   * PCRs that the log has to explain in full: each of these must have a value, zero where there is no event of it. Others
   * that the log extends must have the values it leads to, where they have any: a quote may be over some PCRs only.
   */
  readonly explained: readonly number[];
}

/**
 * Verifies that an event log leads to the PCR values. Gives a check for its format and one for each PCR judged; the log
 * is there where it could be read.
 */
export function verifyEventLog(input: EventLogInput): { checks: Check<EventLogCode>[]; log?: EventLog } {
  const name = "eventLog.format";
  try {
    const log = parseEventLog(input.eventLog);
    const replayed = replay(log, input.bank);
    const format = pass(name, { got: `${log.events.filter(isMeasured).length} measurements` });
    return { checks: [format, ...compare(replayed, input)], log };
  } catch (error) {
    if (!(error instanceof EventLogError)) throw error;
    return { checks: [fail<EventLogCode>(name, `eventlog_${error.code}`, { reason: error.message })] };
  }
}

const VALUE_BYTES: Readonly<Record<Bank, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

function compare(
  replayed: ReadonlyMap<number, Uint8Array>,
  { bank, pcrs, explained }: EventLogInput,
): Check<EventLogCode>[] {
  const valued = [...replayed.keys()].filter((index) => pcrs.has(index));
  const judged = [...new Set([...explained, ...valued])].sort((a, b) => a - b);
  return judged.map((index) => {
    const name = `eventLog.pcr[${index}]`;
    const value = pcrs.get(index);
    if (value === undefined) {
      return fail(name, "eventlog_pcr_mismatch", { got: "no value of this PCR", wanted: "one" });
    }
    const wanted = replayed.get(index) ?? new Uint8Array(VALUE_BYTES[bank]);
    return check(equalConstantTime(value, wanted), name, "eventlog_pcr_mismatch", hex(wanted), hex(value));
  });
}
