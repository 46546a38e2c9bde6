import { equalConstantTime, hex, utf8 } from "@constellation/bytes";
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
/** Where the data of a first event stands: behind index, type, SHA-1 digest and size. */
const DATA_OFFSET = 32;
/** What Spec ID events of TPM 1.2 start with (TCG PC Client Implementation for BIOS; TCG EFI Platform). */
const LEGACY_SIGNATURES = ["Spec ID Event00\0", "Spec ID Event02\0"].map(utf8);

/**
 * A crypto-agile log starts with an EV_NO_ACTION event (PC Client Platform Firmware Profile, 10.4.5.1). Older logs may start
 * with one, too, whose signature tells it.
 */
export function isLegacy(eventLog: Uint8Array): boolean {
  if (eventLog.length < TYPE_END) return false;
  const view = new DataView(eventLog.buffer, eventLog.byteOffset, TYPE_END);
  if (view.getUint32(TYPE_OFFSET, true) !== EV_NO_ACTION) return true;
  return LEGACY_SIGNATURES.some((signature) =>
    equalConstantTime(eventLog.subarray(DATA_OFFSET, DATA_OFFSET + signature.length), signature),
  );
}

function compare(
  replayed: ReadonlyMap<number, Uint8Array>,
  bank: Bank,
  values: ReadonlyMap<number, Uint8Array>,
): Check[] {
  return Array.from(values, ([index, value]) => {
    const explained = replayed.get(index) ?? unextended(index, bank, value);
    const holds = equalConstantTime(value, explained);
    return check(holds, `eventLog.${bank}[${index}]`, "eventlog_pcr_mismatch", hex(explained), hex(value));
  });
}

const VALUE_BYTES: Readonly<Record<Bank, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };
/** PCRs of a dynamic launch: all ones until there is one (PC Client Platform TPM Profile, 4.6.2). */
const DYNAMIC = { first: 17, last: 22 };

/** What a register without events must be: zeros, and in those of a dynamic launch also the ones of there being none. */
function unextended(index: number, bank: Bank, value: Uint8Array): Uint8Array {
  const isDynamic = index >= DYNAMIC.first && index <= DYNAMIC.last;
  const ones = new Uint8Array(VALUE_BYTES[bank]).fill(0xff);
  return isDynamic && equalConstantTime(value, ones) ? ones : new Uint8Array(VALUE_BYTES[bank]);
}
