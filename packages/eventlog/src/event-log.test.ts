import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { hex } from "@constellation/bytes";
import fc from "fast-check";
import type { Bank } from "./algorithm.ts";
import { describeEvent } from "./describe.ts";
import { EventLogError } from "./error.ts";
import { MAX_EVENTS, MAX_LOG_BYTES, parseCcEventLog, parseEventLog } from "./event-log.ts";
import { parseLegacyEventLog } from "./legacy-event-log.ts";
import { efiApplicationDigests, replay } from "./replay.ts";

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

describe("parseCcEventLog()", () => {
  const log = Uint8Array.from(file("ccel-ovmf", "eventlog.bin"));
  const end = log.findLastIndex((byte) => byte !== 0xff) + 1;

  it("gives the registers of ccel-ovmf, and does without the erased bytes", () => {
    const oracle = json<PcrOracle>("ccel-ovmf", "pcrs.json");
    assert.equal(requireOracle(log, oracle, parseCcEventLog), 3);
    assert.equal(requireOracle(log.subarray(0, end), oracle, parseCcEventLog), 3);
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

  it("escapes what a terminal would act on", () => {
    const event = Buffer.from("\u001b[2Jhi\n\0", "latin1");
    assert.equal(describeEvent({ eventType: 0x80000007, event }), '"\\u{1b}[2Jhi\\u{a}"');
  });
});
