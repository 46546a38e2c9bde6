import { type EventLog, EventLogError, parseCcEventLog, replay } from "@constellation/eventlog";
import { attempt } from "./attempt.ts";
import { TdxError, type TdxErrorCode } from "./error.ts";

/** The runtime measurement registers of a TD by their names in the TD report. */
export type Rtmr = "RTMR0" | "RTMR1" | "RTMR2" | "RTMR3";

/** A parsed CC event log: the events, and the values of the registers that they lead to. Nothing in it is verified. */
export interface Ccel {
  readonly log: EventLog;
  /** By register, for those that have events. */
  readonly rtmrs: ReadonlyMap<Rtmr, Uint8Array>;
}

/** Log register index to RTMR (UEFI 2.10, 38.4.1: index 0 is MRTD, which is measured before there is a log). */
const RTMRS: ReadonlyMap<number, Rtmr> = new Map([
  [1, "RTMR0"],
  [2, "RTMR1"],
  [3, "RTMR2"],
  [4, "RTMR3"],
]);

/**
 * Parses a CC event log, the area that the ACPI table CCEL describes, and replays it. Throws `TdxError` "ccel_format",
 * "ccel_truncated", "ccel_algorithm" or "too_large".
 */
export function parseCcel(area: Uint8Array): Ccel {
  const { value, error: cause } = attempt([EventLogError], () => readCcel(area));
  if (value !== undefined) return value;
  throw new TdxError(codeOf(cause), `Parse CC event log failed: ${cause.message}`, { cause });
}

function readCcel(area: Uint8Array): Ccel {
  const log = parseCcEventLog(area);
  const values = Array.from(replay(log, "sha384"), ([index, value]) => [RTMRS.get(index) as Rtmr, value] as const);
  return { log, rtmrs: new Map(values) };
}

function codeOf({ code }: EventLogError): TdxErrorCode {
  switch (code) {
    case "too_large":
      return "too_large";
    case "truncated":
      return "ccel_truncated";
    case "unknown_algorithm":
    case "no_bank":
      return "ccel_algorithm";
    default:
      return "ccel_format";
  }
}
