import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { EvidenceSourceErrorCode } from "../error.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { FakeHost, type FakeTsm } from "../testing/fake-host.ts";
import { refusal } from "../testing/refusal.ts";
import { getTsmReport, TSM_REPORTS } from "./tsm-report.ts";

const signal = new AbortController().signal;
const ENTRY = `${TSM_REPORTS}/test`;
const DATA = new Uint8Array(64).fill(7);
const REQUEST = { provider: "sev_guest", entry: "test", reportData: DATA } as const;

const tsm = (changes: Partial<FakeTsm> = {}): FakeTsm => ({
  provider: "sev_guest",
  report: (inblob) => ({ outblob: Uint8Array.of(1, ...inblob), auxblob: Uint8Array.of(2) }),
  ...changes,
});

function machine(changes: Partial<FakeTsm> = {}): FakeHost {
  const host = new FakeHost();
  host.tsm = tsm(changes);
  return host;
}

const ask = (files: FakeHost, clock = new FakeClock()) => getTsmReport(REQUEST, { files, clock }, signal);

describe("getTsmReport()", () => {
  test("gives report and supplement of the report data, and removes its entry", async () => {
    const host = machine();
    assert.deepEqual(await ask(host), { outblob: Uint8Array.of(1, ...DATA), auxblob: Uint8Array.of(2) });
    assert.deepEqual(host.calls, [
      `makeDirectory ${ENTRY}`,
      `read ${ENTRY}/provider`,
      `read ${ENTRY}/generation`,
      `write ${ENTRY}/inblob`,
      `read ${ENTRY}/outblob`,
      `read ${ENTRY}/auxblob`,
      `read ${ENTRY}/generation`,
      `removeDirectory ${ENTRY}`,
    ]);
    assert.equal(host.entries.size, 0);
  });

  test("gives an empty supplement where the provider has none", async () => {
    const { auxblob } = await ask(machine({ report: () => ({ outblob: DATA }) }));
    assert.deepEqual(auxblob, new Uint8Array());
  });

  test("takes over an entry that was left behind", async () => {
    const host = machine();
    host.entries.set(ENTRY, { generation: 41, inblob: DATA });
    assert.equal((await ask(host)).outblob.length, 65);
    assert.equal(host.entries.size, 0);
  });

  test("gives way to others that make the entry anew at the same time", async () => {
    const host = machine().fails("makeDirectory", ENTRY, "EEXIST", "EEXIST", undefined);
    host.entries.set(ENTRY, { generation: 0, inblob: undefined });
    const clock = new FakeClock();
    assert.equal((await ask(host, clock)).outblob.length, 65);
    assert.deepEqual(clock.waits, [100]);
  });

  test("keeps a report whose entry it could not remove, and removes the entry the next time", async () => {
    const host = machine().fails("removeDirectory", ENTRY, "EBUSY");
    assert.equal((await ask(host)).outblob.length, 65);
    assert.equal(host.entries.size, 1);
    await ask(host);
    assert.equal(host.entries.size, 0);
  });

  for (const code of ["EBUSY", "EAGAIN", "EINTR"]) {
    test(`asks again while the device says ${code}`, async () => {
      const host = machine().fails("read", `${ENTRY}/outblob`, code, code);
      const clock = new FakeClock();
      assert.equal((await ask(host, clock)).outblob.length, 65);
      assert.deepEqual(clock.waits, [100, 200]);
    });
  }

  test("ends with a device that stays busy, and leaves no entry", async () => {
    const codes = Array.from({ length: 6 }, () => "EBUSY");
    const host = machine().fails("write", `${ENTRY}/inblob`, ...codes);
    const clock = new FakeClock();
    await assert.rejects(ask(host, clock), refusal("device_busy", /got EBUSY/));
    assert.deepEqual(clock.waits, [100, 200, 400, 800, 1600]);
    assert.equal(host.entries.size, 0);
  });

  test("makes a new report where others wrote to the entry in between", async () => {
    let races = 2;
    const host = machine({
      between: (entry, attribute) => {
        if (attribute !== "outblob" || races-- <= 0) return;
        entry.generation++;
        entry.inblob = new Uint8Array(64).fill(0xee);
      },
    });
    assert.deepEqual((await ask(host)).outblob, Uint8Array.of(1, ...DATA));
  });

  test("refuses where others write to the entry all the time", async () => {
    const host = machine({ between: (entry) => entry.generation++ });
    await assert.rejects(ask(host), refusal("report_conflict", /got generation \d+ after \d+, wanted/));
    assert.equal(host.entries.size, 0);
  });

  test("refuses a report where the kernel did not take the report data", async () => {
    const host = machine({
      between: (entry, attribute) => {
        if (attribute === "outblob") entry.generation = 0;
      },
    });
    await assert.rejects(ask(host), refusal("report_conflict", /got generation 0 after 0, wanted 1/));
  });

  test("refuses where others remove the entry all the time", async () => {
    const host = machine({ between: () => host.entries.clear() });
    await assert.rejects(ask(host), refusal("report_conflict", /got ENOENT/));
  });

  const ended: [string, string, string, EvidenceSourceErrorCode][] = [
    ["makeDirectory", "", "ENOENT", "device_missing"],
    ["makeDirectory", "", "ENXIO", "device_missing"],
    ["makeDirectory", "", "EACCES", "device_failed"],
    ["read", "/provider", "EIO", "device_failed"],
    ["write", "/inblob", "EINVAL", "device_failed"],
    ["read", "/outblob", "EINVAL", "device_failed"],
    ["read", "/outblob", "EFBIG", "blob_too_large"],
    ["read", "/auxblob", "EIO", "device_failed"],
  ];
  for (const [operation, attribute, code, wanted] of ended) {
    test(`refuses with ${wanted} where ${operation} ${attribute} says ${code}`, async () => {
      const host = machine().fails(operation as "read", `${ENTRY}${attribute}`, code);
      const clock = new FakeClock();
      await assert.rejects(ask(host, clock), refusal(wanted, new RegExp(code)));
      assert.deepEqual(clock.waits, []);
      assert.equal(host.entries.size, 0);
    });
  }

  test("refuses where the entry that was left behind cannot be removed", async () => {
    const host = machine().fails("removeDirectory", ENTRY, "EACCES");
    host.entries.set(ENTRY, { generation: 0, inblob: undefined });
    await assert.rejects(ask(host), refusal("device_failed", /Remove report entry .* got EACCES/));
  });

  test("refuses a machine without configfs-tsm", async () => {
    await assert.rejects(ask(new FakeHost()), refusal("device_missing", /wanted configfs-tsm with a guest driver/));
  });

  test("refuses reports of other hardware", async () => {
    await assert.rejects(
      ask(machine({ provider: "tdx_guest" })),
      refusal("provider", /got "tdx_guest", wanted "sev_guest"/),
    );
  });

  test("refuses attributes that are not text or number", async () => {
    const generation = machine().fails("read", `${ENTRY}/generation`);
    generation.tsm = tsm({ between: (entry) => (entry.generation = Number.NaN) });
    await assert.rejects(ask(generation), refusal("blob_malformed", /got "NaN", wanted a number/));
    const host = machine();
    const read = host.read;
    host.read = async (path, max) => (path.endsWith("provider") ? Uint8Array.of(0xff) : read(path, max));
    await assert.rejects(ask(host), refusal("blob_malformed", /wanted UTF-8/));
  });

  test("refuses blobs that are too large, and errors that are none of the system", async () => {
    const large = machine({ report: () => ({ outblob: new Uint8Array(32 * 1024 + 1) }) });
    await assert.rejects(ask(large), refusal("blob_too_large"));
    const odd = machine();
    odd.makeDirectory = () => Promise.reject(new Error("odd"));
    await assert.rejects(ask(odd), refusal("device_failed", /got another error/));
    const oddWrite = machine();
    oddWrite.write = () => Promise.reject(new Error("odd"));
    await assert.rejects(ask(oddWrite), refusal("device_failed", /got another error/));
  });

  test("ends with the caller's signal, and leaves no entry", async () => {
    const controller = new AbortController();
    const host = machine({
      between: (_, attribute) => {
        if (attribute === "outblob") controller.abort();
      },
    }).fails("read", `${ENTRY}/auxblob`, "EBUSY");
    const tools = { files: host, clock: new FakeClock() };
    await assert.rejects(getTsmReport(REQUEST, tools, controller.signal), { name: "AbortError" });
    assert.equal(host.entries.size, 0);
  });
});
