import { equalConstantTime, hex } from "@constellation/bytes";
import { parseEventLog, replay } from "@constellation/eventlog";
import { about, type Check } from "../check.ts";

const { check, fail, pass } = about("executables.log");

/**
 * PCRs that only the firmware, the boot loader stub and the kernel's loader extend, so that the log must explain them
 * in full. Others (as PCR 15) are extended by the running system, outside this log.
 */
export const LOGGED_PCRS = [4, 9, 11, 12, 13] as const;

const ZERO = new Uint8Array(32);

/** Verifies that the event log leads to the quoted values of `LOGGED_PCRS`. A PCR without events must be zero. */
export function verifyEventLog(bytes: Uint8Array, pcrs: ReadonlyMap<number, Uint8Array>): Check[] {
  let replayed: ReadonlyMap<number, Uint8Array>;
  try {
    replayed = replay(parseEventLog(bytes), "sha256");
  } catch (error) {
    return [fail("eventLog.format", "eventlog_malformed", { reason: (error as Error).message })];
  }
  const compared = LOGGED_PCRS.map((index) => {
    const quoted = pcrs.get(index) as Uint8Array;
    const explained = replayed.get(index) ?? ZERO;
    const holds = equalConstantTime(quoted, explained);
    return check(holds, `eventLog.pcr[${index}]`, "eventlog_pcr_mismatch", hex(explained), hex(quoted));
  });
  return [pass("eventLog.format"), ...compared];
}
