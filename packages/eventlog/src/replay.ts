import { concat, fromLatin1 } from "@constellation/bytes";
import { digest as hash } from "@constellation/crypto";
import type { Bank } from "./algorithm.ts";
import { EventLogError } from "./error.ts";
import type { EventLog, LogEvent } from "./event-log.ts";
import { isMeasured } from "./event-log.ts";
import { EVENT_TYPE } from "./event-type.ts";

const STARTUP_LOCALITY = "StartupLocality\0";

/**
 * The PCR values that a log's events lead to, for every PCR the log extends.
 * @throws EventLogError `no_bank`
 */
export function replay(log: EventLog, bank: Bank): Map<number, Uint8Array> {
  const sizeBytes = bankSize(log, bank);
  const values = new Map<number, Uint8Array>();
  let locality = 0;
  for (const event of log.events) {
    if (!isMeasured(event)) {
      locality = startupLocality(event) ?? locality;
      continue;
    }
    const before = values.get(event.pcrIndex) ?? initialValue(event.pcrIndex, sizeBytes, locality);
    values.set(event.pcrIndex, extend(bank, before, event.digests.get(bank) as Uint8Array));
  }
  return values;
}

/** The value of a PCR after one extend (TPM 2.0 Library, Part 1, 17.2). */
export function extend(bank: Bank, value: Uint8Array, digest: Uint8Array): Uint8Array {
  return hash(bank, concat(value, digest));
}

function bankSize(log: EventLog, bank: Bank): number {
  const algorithm = log.algorithms.find((candidate) => candidate.bank === bank);
  if (algorithm !== undefined) return algorithm.sizeBytes;
  const got = log.algorithms.map((candidate) => candidate.bank).join(", ");
  throw new EventLogError("no_bank", `Replay event log failed: got banks "${got}", wanted "${bank}"`);
}

/** PCR 0 starts with the locality of TPM2_Startup in its last byte (PC Client PTP, 4.6.2). */
function initialValue(pcrIndex: number, sizeBytes: number, locality: number): Uint8Array {
  const value = new Uint8Array(sizeBytes);
  if (pcrIndex === 0) value[sizeBytes - 1] = locality;
  return value;
}

/** TCG_EfiStartupLocalityEvent (PC Client Platform Firmware Profile, 10.4.5.3). */
function startupLocality(event: LogEvent): number | undefined {
  if (event.pcrIndex !== 0 || event.event.length !== STARTUP_LOCALITY.length + 1) return undefined;
  return fromLatin1(event.event).startsWith(STARTUP_LOCALITY) ? event.event[STARTUP_LOCALITY.length] : undefined;
}

/** The digests of the EFI applications that the firmware loaded, in order, from PCR 4. */
export function efiApplicationDigests(log: EventLog, bank: Bank): Uint8Array[] {
  bankSize(log, bank);
  return log.events
    .filter((event) => event.pcrIndex === 4 && event.eventType === EVENT_TYPE.EV_EFI_BOOT_SERVICES_APPLICATION)
    .map((event) => event.digests.get(bank) as Uint8Array);
}
