import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { concat, utf8 } from "@constellation/bytes";
import { parseEventLog, replay } from "@constellation/eventlog";
import { casesOf, fileOf, type Case } from "./testing/vectors.ts";
import { type EventLogInput, verifyEventLog } from "./index.ts";

const subject = casesOf("tpm-eventlogs", "tpm-eventlog").find(
  ({ id }) => id === "tpm-eventlogs/cos-101-amd-sev",
) as Case;
const eventLog = fileOf(subject, "eventlog");
const pcrs = replay(parseEventLog(eventLog), "sha256");

function failed(change: Partial<EventLogInput>): string[] {
  const { checks } = verifyEventLog({ eventLog, bank: "sha256", pcrs, explained: [], ...change });
  return checks.flatMap((done) => (done.outcome === "fail" ? [`${done.name} ${done.code}`] : []));
}

/** A log of one bank with one event, in PCR 4 (TCG PC Client Platform Firmware Profile 1.06, section 10.4.5.1). */
function shortLog(algorithm: number, digestBytes: number): Uint8Array {
  const bank = Uint8Array.of(algorithm, 0, digestBytes, 0);
  const versions = Uint8Array.of(0, 0, 0, 0, 0, 2, 0, 2, 1, 0, 0, 0);
  const specId = concat(utf8("Spec ID Event03\0"), versions, bank, new Uint8Array(1));
  const header = concat(
    Uint8Array.of(0, 0, 0, 0, 3, 0, 0, 0),
    new Uint8Array(20),
    Uint8Array.of(specId.length, 0, 0, 0),
  );
  const event = Uint8Array.of(4, 0, 0, 0, 13, 0, 0, 0, 1, 0, 0, 0, algorithm, 0);
  return concat(header, specId, event, new Uint8Array(digestBytes), new Uint8Array(4));
}

describe("verifyEventLog()", () => {
  test("accepts a log that leads to the values, and tells each PCR it judged", () => {
    const { checks, log } = verifyEventLog({ eventLog, bank: "sha256", pcrs, explained: [4, 23] });
    assert.deepEqual(failed({}), []);
    const judged = [...new Set([...pcrs.keys(), 23])].sort((a, b) => a - b);
    assert.deepEqual(
      checks.map(({ name }) => name),
      ["eventLog.format", ...judged.map((index) => `eventLog.pcr[${index}]`)],
    );
    for (const { speaksFor } of checks) assert.equal(speaksFor, "executables.log");
    assert.ok(log !== undefined && log.events.length > 10);
  });

  for (const [bank, algorithm, length] of [
    ["sha1", 0x4, 20],
    ["sha256", 0xb, 32],
    ["sha384", 0xc, 48],
    ["sha512", 0xd, 64],
  ] as const) {
    test(`takes ${length} zeros for a PCR of the bank of ${bank} without an event`, () => {
      const judged = (bytes: number): string[] => {
        const short = shortLog(algorithm, length);
        const values = new Map(replay(parseEventLog(short), bank)).set(15, new Uint8Array(bytes));
        return failed({ eventLog: short, bank, pcrs: values, explained: [15] });
      };
      assert.deepEqual(judged(length), []);
      for (const other of [length - 1, length + 1]) {
        assert.deepEqual(judged(other), ["eventLog.pcr[15] eventlog_pcr_mismatch"]);
      }
    });
  }

  test("refuses a log that leads to another value of a PCR, explained or not", () => {
    const changed = new Map(pcrs).set(4, new Uint8Array(32));
    assert.deepEqual(failed({ pcrs: changed }), ["eventLog.pcr[4] eventlog_pcr_mismatch"]);
  });

  test("refuses a PCR that is not zero where a log that must explain it has no event of it", () => {
    assert.equal(pcrs.has(15), false);
    const extended = new Map(pcrs).set(15, new Uint8Array(32).fill(1));
    assert.deepEqual(failed({ pcrs: extended, explained: [15] }), ["eventLog.pcr[15] eventlog_pcr_mismatch"]);
    assert.deepEqual(failed({ pcrs: extended, explained: [] }), [], "the running system extends it");
    assert.deepEqual(failed({ pcrs: new Map(pcrs).set(15, new Uint8Array(32)), explained: [15] }), []);
  });

  test("takes no value of another length for that of a PCR that is zero", () => {
    for (const value of [new Uint8Array(), new Uint8Array(20), new Uint8Array(48)]) {
      const changed = new Map(pcrs).set(15, value);
      assert.deepEqual(failed({ pcrs: changed, explained: [15] }), ["eventLog.pcr[15] eventlog_pcr_mismatch"]);
    }
  });

  test("refuses PCRs without a value where the log must explain them, and passes over others", () => {
    const without = new Map(pcrs);
    without.delete(4);
    assert.deepEqual(failed({ pcrs: without, explained: [4] }), ["eventLog.pcr[4] eventlog_pcr_mismatch"]);
    assert.deepEqual(failed({ pcrs: without }), []);
    assert.deepEqual(failed({ explained: [15] }), ["eventLog.pcr[15] eventlog_pcr_mismatch"]);
  });

  test("hands on a fault of the caller, which is no verdict", () => {
    assert.throws(() => failed({ eventLog: undefined as unknown as Uint8Array }), TypeError);
  });

  test("refuses a log that does not parse or has no such bank", () => {
    assert.deepEqual(failed({ eventLog: eventLog.subarray(0, -1) }), ["eventLog.format eventlog_truncated"]);
    assert.deepEqual(failed({ bank: "sha512" }), ["eventLog.format eventlog_no_bank"]);
  });
});
