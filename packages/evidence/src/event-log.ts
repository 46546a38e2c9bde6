import { equalConstantTime, hex } from "@constellation/bytes";
import {
  type Bank,
  type EventLog,
  EventLogError,
  isMeasured,
  parseCcEventLog,
  parseEventLog,
  parseLegacyEventLog,
  replay,
} from "@constellation/eventlog";
import { about, type Check } from "@constellation/verdict";
import type { Judgement } from "./judgement.ts";

const { check, fail, pass } = about("executables.log");

/** An event log, and the values that it must lead to. */
export interface EventLogParts {
  readonly eventLog: Uint8Array;
  /** TCG's logs of TPMs, or the log of confidential machines, whose registers count from 1. */
  readonly format: "tcg" | "cc";
  readonly registers: ReadonlyMap<Bank, ReadonlyMap<number, Uint8Array>>;
}

/** Judges whether a log leads to all the values. Nothing vouches for log or values: that is for a quote to do. */
export function judgeEventLog({ eventLog, format, registers }: EventLogParts): Judgement {
  const name = "eventLog.format";
  try {
    const log = parse(eventLog, format);
    const checks = [...registers].flatMap(([bank, values]) => compare(replay(log, bank), bank, values));
    const measurements = log.events.filter(isMeasured).length;
    const any =
      checks.length === 0 ? [fail("eventLog.registers", "registers_missing", { got: "none", wanted: "some" })] : [];
    return {
      checks: [pass(name, { got: `${measurements} measurements` }), ...any, ...checks],
      claims: { measurements },
    };
  } catch (error) {
    if (!(error instanceof EventLogError)) throw error;
    return { checks: [fail(name, `eventlog_${error.code}`, { reason: error.message })], claims: {} };
  }
}

/** The log of a confidential machine, or a TPM's: crypto-agile, or of the time before where it says so by its start. */
function parse(eventLog: Uint8Array, format: EventLogParts["format"]): EventLog {
  if (format === "cc") return parseCcEventLog(eventLog);
  return isLegacy(eventLog) ? parseLegacyEventLog(eventLog) : parseEventLog(eventLog);
}

const EV_NO_ACTION = 3;
const TYPE_OFFSET = 4;
const TYPE_END = 8;

/** A crypto-agile log starts with an EV_NO_ACTION event (PC Client Platform Firmware Profile, 10.4.5.1). */
export function isLegacy(eventLog: Uint8Array): boolean {
  if (eventLog.length < TYPE_END) return false;
  const view = new DataView(eventLog.buffer, eventLog.byteOffset, TYPE_END);
  return view.getUint32(TYPE_OFFSET, true) !== EV_NO_ACTION;
}

function compare(
  replayed: ReadonlyMap<number, Uint8Array>,
  bank: Bank,
  values: ReadonlyMap<number, Uint8Array>,
): Check[] {
  return Array.from(values, ([index, value]) => {
    const explained = replayed.get(index) ?? new Uint8Array(value.length);
    const holds = equalConstantTime(value, explained);
    return check(holds, `eventLog.${bank}[${index}]`, "eventlog_pcr_mismatch", hex(explained), hex(value));
  });
}
