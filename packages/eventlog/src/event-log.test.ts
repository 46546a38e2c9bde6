import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { hex } from "@constellation/bytes";
import fc from "fast-check";
import type { Bank } from "./algorithm.ts";
import { describeEvent } from "./describe.ts";
import { EventLogError } from "./error.ts";
import { MAX_EVENTS, MAX_LOG_BYTES, parseCcEventLog, parseEventLog } from "./event-log.ts";
import { EVENT_TYPE, eventTypeName } from "./event-type.ts";
import { parseLegacyEventLog } from "./legacy-event-log.ts";
import { efiApplicationDigests, extend, replay } from "./replay.ts";

type PcrOracle = Partial<Record<Bank, Record<string, string>>>;

const VECTORS = new URL("../vectors/", import.meta.url);
const cases = readdirSync(VECTORS).filter((name) => !name.includes("."));
const passing = cases.filter((name) => !/_fail$|^debian-10$|^ccel-/.test(name));
const failing = cases.filter((name) => name.endsWith("_fail"));

/** What refuses each log; `mismatch` stands for a replay that gives other values. */
const REFUSALS: Readonly<Record<string, string>> = {
  log_format: "format",
  log_truncated: "truncated",
  log_unknown_alg: "unknown_algorithm",
  log_empty: "empty",
  log_no_bank: "format",
  eventlog_pcr_mismatch: "mismatch",
};

function file(name: string, part: string): Buffer {
  return readFileSync(new URL(`${name}/${part}`, VECTORS));
}

function json<T>(name: string, part: string): T {
  return JSON.parse(file(name, part).toString("utf8")) as T;
}

/** Replays every bank the oracle and the log have; throws on the first value that differs. */
function requireOracle(log: Uint8Array, oracle: PcrOracle, parse = parseEventLog): number {
  const parsed = parse(log);
  let compared = 0;
  for (const { bank } of parsed.algorithms) {
    const values = replay(parsed, bank);
    for (const [pcr, value] of Object.entries(oracle[bank] ?? {})) {
      const got = values.get(Number(pcr));
      if (got === undefined && /^0+$/u.test(value)) continue;
      if (got === undefined || hex(got) !== value) throw new Error("mismatch");
      compared++;
    }
  }
  return compared;
}

describe("parseEventLog() and replay()", () => {
  for (const name of passing) {
    it(`give the PCR values of ${name}`, () => {
      assert.ok(requireOracle(file(name, "eventlog.bin"), json<PcrOracle>(name, "pcrs.json")) >= 8);
    });
  }

  for (const name of failing) {
    it(`refuse ${name}`, () => {
      const code = REFUSALS[json<{ reason_code: string }>(name, "case.json").reason_code];
      assert.throws(
        () => requireOracle(file(name, "eventlog.bin"), json<PcrOracle>(name, "pcrs.json")),
        (error: Error) => (error instanceof EventLogError ? error.code : error.message) === code,
      );
    });
  }

  it("refuse a log in the legacy SHA-1 format", () => {
    assert.throws(() => parseEventLog(file("debian-10", "eventlog.bin")), { name: "EventLogError", code: "format" });
  });

  it("refuse a log over the size bound", () => {
    assert.throws(() => parseEventLog(new Uint8Array(MAX_LOG_BYTES + 1)), { code: "too_large" });
  });

  it("refuse a bank that the log does not have", () => {
    assert.throws(() => replay(parseEventLog(file("arch-linux-workstation", "eventlog.bin")), "sha512"), {
      code: "no_bank",
    });
  });

  it("refuse a doubled digest and bytes after the last event", () => {
    const log = file("ovmf-systemd-stub-257", "eventlog.bin");
    assert.throws(() => parseEventLog(Buffer.concat([log, Buffer.alloc(1)])), { code: "truncated" });
    const header = 32 + log.readUInt32LE(28);
    const doubled = Buffer.from(log);
    doubled.writeUInt16LE(0x0004, header + 12 + 2 + 20);
    assert.throws(() => parseEventLog(doubled), { name: "EventLogError" });
  });

  it("throw nothing but EventLogError on changed logs, and describe every event that parses", () => {
    const log = file("ovmf-systemd-stub-257", "eventlog.bin");
    const change = fc.tuple(fc.nat(log.length - 1), fc.nat(255));
    const property = fc.property(
      fc.array(change, { minLength: 1, maxLength: 8 }),
      fc.nat(log.length),
      (changes, length) => {
        const changed = Uint8Array.from(log.subarray(0, length));
        for (const [at, value] of changes) if (at < length) changed[at] = value;
        try {
          for (const event of parseEventLog(changed).events) assert.match(describeEvent(event), /^[\x20-\x7e]+$/u);
        } catch (error) {
          assert.ok(error instanceof EventLogError, String(error));
        }
      },
    );
    fc.assert(property, { numRuns: 500, seed: 1 });
  });
});

describe("parseEventLog()", () => {
  const SHA256 = [0x0b, 32] as const;
  const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
  const u16 = (value: number): Buffer => u32(value).subarray(0, 2);

  /** A log with one event, whose digests may be of other algorithms than the header says. */
  function log(algorithms: readonly (readonly [number, number])[], digests = algorithms): Uint8Array {
    const list = algorithms.map(([id, sizeBytes]) => Buffer.concat([u16(id), u16(sizeBytes)]));
    const specId = Buffer.concat([
      Buffer.from("Spec ID Event03\0"),
      Buffer.alloc(8),
      u32(list.length),
      ...list,
      Buffer.of(0),
    ]);
    const values = digests.map(([id, sizeBytes]) => Buffer.concat([u16(id), Buffer.alloc(sizeBytes)]));
    const event = [u32(0), u32(1), u32(values.length), ...values, u32(0)];
    return Uint8Array.from(Buffer.concat([u32(0), u32(3), Buffer.alloc(20), u32(specId.length), specId, ...event]));
  }

  it("takes the locality that PCR 0 starts with from the event that states it", () => {
    const event = (type: number, data: Buffer) =>
      Buffer.concat([u32(0), u32(type), u32(1), u16(0x0b), Buffer.alloc(32), u32(data.length), data]);
    const header = Buffer.from(log([SHA256])).subarray(0, -event(1, Buffer.of()).length);
    const pcr0 = (locality: Buffer) => {
      const bytes = Uint8Array.from(Buffer.concat([header, event(3, locality), event(1, Buffer.of())]));
      return hex(replay(parseEventLog(bytes), "sha256").get(0) as Uint8Array);
    };
    const extended = (first: number) => {
      const value = new Uint8Array(32).fill(first, 31);
      return hex(extend("sha256", value, new Uint8Array(32)));
    };
    assert.equal(pcr0(Buffer.from("StartupLocality\0\x03")), extended(3));
    assert.equal(pcr0(Buffer.from("StartupLocality\0")), extended(0));
    assert.equal(pcr0(Buffer.from("StartupLocalitx\0\x03")), extended(0));
  });

  it("refuses an algorithm that is listed twice", () => {
    assert.equal(parseEventLog(log([SHA256])).events.length, 1);
    assert.throws(() => parseEventLog(log([SHA256, SHA256])), { code: "format", message: /lists an algorithm twice/ });
  });

  it("passes over digests of algorithms that it does not know, by the size in the header", () => {
    const sm3 = [0x12, 32] as const;
    const { algorithms, events } = parseEventLog(log([sm3, SHA256]));
    assert.deepEqual(
      algorithms.map(({ bank }) => bank),
      ["sha256"],
    );
    assert.deepEqual(Array.from(events[0]?.digests.keys() ?? []), ["sha256"]);
    assert.throws(() => parseEventLog(log([sm3])), { code: "unknown_algorithm" });
    assert.throws(() => parseEventLog(log([SHA256], [sm3])), { code: "unknown_algorithm" });
    assert.throws(() => parseEventLog(log([sm3, SHA256], [sm3, sm3])), { code: "format" });
    assert.throws(() => parseEventLog(log([SHA256], [[0x04, 20]])), { code: "format" });
  });

  it("refuses digests of a wrong size, and of other algorithms than the header's", () => {
    assert.throws(() => parseEventLog(log([[0x0b, 20]])), { code: "format", message: /digest size 20 for sha256/ });
    const sha1 = [0x04, 20] as const;
    assert.throws(() => parseEventLog(log([sha1, SHA256], [SHA256, SHA256])), {
      code: "format",
      message: /event 1 does not have the digests of the header/,
    });
  });
});

describe("parseCcEventLog()", () => {
  const log = Uint8Array.from(file("ccel-ovmf", "eventlog.bin"));
  const end = log.findLastIndex((byte) => byte !== 0xff) + 1;

  it("gives the registers of ccel-ovmf, and does without the erased bytes", () => {
    const oracle = json<PcrOracle>("ccel-ovmf", "pcrs.json");
    assert.equal(requireOracle(log, oracle, parseCcEventLog), 3);
    assert.equal(requireOracle(log.subarray(0, end), oracle, parseCcEventLog), 3);
  });

  it("does without an area that was cleared before, and refuses anything else behind the events", () => {
    const cleared = log.slice().fill(0, end);
    assert.equal(parseCcEventLog(cleared).events.length, parseCcEventLog(log).events.length);
    for (const at of [end + 1, end + 8, log.length - 1]) {
      assert.throws(() => parseCcEventLog(cleared.with(at, 1)), EventLogError);
    }
  });

  it("refuses anything but erased bytes behind the events", () => {
    for (const at of [end + 1, end + 4, log.length - 1]) {
      const changed = log.slice();
      changed[at] = 0;
      assert.throws(() => parseCcEventLog(changed), EventLogError);
    }
  });

  it("refuses other registers, and the log of a TPM", () => {
    const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer);
    const firstEvent = 32 + view(log).getUint32(28, true);
    for (const register of [0, 5]) {
      const changed = log.slice();
      view(changed).setUint32(firstEvent, register, true);
      assert.throws(() => parseCcEventLog(changed), { code: "format" });
    }
    assert.throws(() => parseCcEventLog(file("rhel8-uefi", "eventlog.bin")), { code: "format" });
    assert.throws(() => parseEventLog(log), { code: "format" });
  });
});

describe("parseLegacyEventLog()", () => {
  const log = file("debian-10", "eventlog.bin");

  it("gives the PCR values of debian-10", () => {
    assert.ok(requireOracle(log, json<PcrOracle>("debian-10", "pcrs.json"), parseLegacyEventLog) >= 8);
  });

  it("refuses what is not such a log", () => {
    assert.throws(() => parseLegacyEventLog(log.subarray(0, log.length - 1)), { code: "truncated" });
    assert.throws(() => parseLegacyEventLog(new Uint8Array()), { code: "empty" });
    assert.throws(() => parseLegacyEventLog(new Uint8Array(MAX_LOG_BYTES + 1)), { code: "too_large" });
    assert.throws(() => parseLegacyEventLog(new Uint8Array(32 * (MAX_EVENTS + 1))), { code: "too_large" });
    const outside = Uint8Array.from(log);
    outside[0] = 24;
    assert.throws(() => parseLegacyEventLog(outside), { code: "format" });
  });
});

describe("efiApplicationDigests()", () => {
  for (const name of passing) {
    const digests = name.startsWith("ovmf")
      ? {}
      : json<{ efi_app_digests?: Record<string, string[]> }>(name, "case.json").efi_app_digests;
    for (const [bank, wanted] of Object.entries(digests ?? {})) {
      it(`gives the ${bank} application digests of ${name}`, () => {
        const log = parseEventLog(file(name, "eventlog.bin"));
        assert.deepEqual(efiApplicationDigests(log, bank as Bank).map(hex), wanted);
      });
    }
  }
});

describe("describeEvent()", () => {
  it("puts the events of a UKI boot into words", () => {
    const events = parseEventLog(file("ovmf-systemd-stub-257", "eventlog.bin")).events;
    const texts = (pcr: number): string[] => events.filter((event) => event.pcrIndex === pcr).map(describeEvent);
    assert.deepEqual(texts(4), [
      '"Calling EFI Application from Boot Option"',
      "end of the firmware's measurements",
      'image of 12268544 bytes in memory from "\\EFI\\BOOT\\BOOTX64.EFI"',
      "image of 12171200 bytes in memory from media 55c5d1f8-04cd-46b5-8a20-e56cbb3052d0",
    ]);
    assert.deepEqual(texts(9), ['tag 0x8f3b22ed "LOADED_IMAGE::LoadOptions"', 'tag 0x8f3b22ec "Linux initrd"']);
    assert.equal(texts(11)[0], '".linux"');
    assert.equal(texts(7)[0], 'variable "SecureBoot" of 8be4df61-93ca-11d2-aa0d-00e098032b8c, 0 bytes');
  });

  it("puts each type of event into words", () => {
    const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
    const utf16 = (text: string): Buffer => Buffer.from(`${text}\0`, "utf16le");
    const node = Buffer.concat([Buffer.of(0x04, 0x06, 20, 0), Buffer.alloc(16, 0xab)]);
    const unknown = Buffer.of(0x7f, 0xff, 4, 0);
    const image = (...path: Buffer[]): Buffer =>
      Buffer.concat([Buffer.alloc(24), u32(Buffer.concat(path).length), u32(0), ...path]);
    const cases: [number, Buffer, string][] = [
      [EVENT_TYPE.EV_SEPARATOR, u32(0xffffffff), "end of the firmware's measurements"],
      [EVENT_TYPE.EV_SEPARATOR, u32(1), "error in the firmware's measurements"],
      [EVENT_TYPE.EV_SEPARATOR, Buffer.alloc(5), "separator of 5 bytes"],
      [EVENT_TYPE.EV_POST_CODE, Buffer.from("ACPI DATA"), '"ACPI DATA"'],
      [EVENT_TYPE.EV_IPL, Buffer.from("grub_cmd"), '"grub_cmd"'],
      [EVENT_TYPE.EV_S_CRTM_VERSION, utf16("1.2"), '"1.2"'],
      [EVENT_TYPE.EV_EVENT_TAG, Buffer.concat([u32(7), u32(3), Buffer.from("abc")]), 'tag 0x7 "abc"'],
      [EVENT_TYPE.EV_EVENT_TAG, Buffer.concat([u32(7), u32(8), utf16("abc")]), 'tag 0x7 "abc"'],
      [EVENT_TYPE.EV_EVENT_TAG, Buffer.alloc(3), "3 bytes that do not fit the event type"],
      [EVENT_TYPE.EV_EFI_BOOT_SERVICES_DRIVER, image(), "image of 0 bytes in memory"],
      [
        EVENT_TYPE.EV_EFI_BOOT_SERVICES_DRIVER,
        image(node, unknown),
        "image of 0 bytes in memory from firmware file abababab-abab-abab-abab-abababababab",
      ],
      [EVENT_TYPE.EV_ACTION, Buffer.alloc(201, "a"), `"${"a".repeat(200)}..."`],
      [0x12345678, Buffer.alloc(2), "2 bytes"],
    ];
    for (const [eventType, event, wanted] of cases) assert.equal(describeEvent({ eventType, event }), wanted);
    assert.equal(eventTypeName(EVENT_TYPE.EV_IPL), "EV_IPL");
    assert.equal(eventTypeName(0x55), "0x00000055");
  });

  it("escapes what a terminal would act on", () => {
    const event = Buffer.from("\u001b[2Jhi\n\0", "latin1");
    assert.equal(describeEvent({ eventType: 0x80000007, event }), '"\\u{1b}[2Jhi\\u{a}"');
  });
});
