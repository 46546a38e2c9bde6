import { createHash } from "node:crypto";
import { concat, utf8 } from "@constellation/bytes";

/** An event of a fake log. */
export interface FakeEvent {
  readonly pcr: number;
  readonly data: string;
}

/** PCR banks of fake TPMs, with the TPM_ALG_ID and digest size of each. */
export const BANKS = {
  sha1: { id: 0x0004, sizeBytes: 20 },
  sha256: { id: 0x000b, sizeBytes: 32 },
  sha384: { id: 0x000c, sizeBytes: 48 },
  sha512: { id: 0x000d, sizeBytes: 64 },
} as const;

/** A PCR bank. */
export type FakeBank = keyof typeof BANKS;

/** An event log, and the values that it leads to. */
export interface FakeEventLog {
  readonly bytes: Uint8Array;
  /** PCR 0 to 15 of a bank; those without an event are zero. */
  readonly pcrs: (bank?: FakeBank) => ReadonlyMap<number, Uint8Array>;
}

const EV_NO_ACTION = 3;
const EV_IPL = 13;
const SHA1_BYTES = 20;
const REGISTERS = 16;

/** Some events in each PCR that a boot of a node extends; `text` makes them another machine's. */
export function fakeEvents(text: string): FakeEvent[] {
  return [0, 1, 2, 4, 4, 5, 7, 9, 11, 11, 12].map((pcr, index) => ({ pcr, data: `fake event ${index} ${text}` }));
}

/**
 * A TCG event log in the crypto-agile format (PC Client Platform Firmware Profile 1.06, 10.2.2) in which each digest is
 * that of the event's data.
 */
export function fakeEventLog(events: readonly FakeEvent[], banks: readonly FakeBank[] = ["sha256"]): FakeEventLog {
  const records = events.map(({ pcr, data }) => {
    const digests = banks.map((bank) => concat(u16(BANKS[bank].id), digestOf(bank, utf8(data))));
    return concat(u32(pcr), u32(EV_IPL), u32(banks.length), ...digests, u32(utf8(data).length), utf8(data));
  });
  return {
    bytes: concat(specIdEvent(banks), ...records),
    pcrs: (bank = "sha256") =>
      new Map(Array.from({ length: REGISTERS }, (_, pcr) => [pcr, valueOf(events, pcr, bank)])),
  };
}

function valueOf(events: readonly FakeEvent[], pcr: number, bank: FakeBank): Uint8Array {
  return events
    .filter((event) => event.pcr === pcr)
    .reduce<Uint8Array>(
      (value, { data }) => digestOf(bank, value, digestOf(bank, utf8(data))),
      new Uint8Array(BANKS[bank].sizeBytes),
    );
}

/** The first record, which names the digests of the others (the same, 10.4.5.1). */
function specIdEvent(banks: readonly FakeBank[]): Uint8Array {
  const algorithms = banks.map((bank) => concat(u16(BANKS[bank].id), u16(BANKS[bank].sizeBytes)));
  const event = concat(
    utf8("Spec ID Event03\0"),
    u32(0),
    Uint8Array.of(0, 2, 0, 2),
    u32(banks.length),
    ...algorithms,
    Uint8Array.of(0),
  );
  return concat(u32(0), u32(EV_NO_ACTION), new Uint8Array(SHA1_BYTES), u32(event.length), event);
}

function digestOf(bank: FakeBank, ...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(
    createHash(bank)
      .update(concat(...parts))
      .digest(),
  );
}

function u16(value: number): Uint8Array {
  return new Uint8Array(Uint16Array.of(value).buffer);
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
