import assert from "node:assert/strict";
import { test } from "node:test";
import { readTestCase } from "../cases.ts";
import { flipCase } from "./flip.ts";
import { REASONS, whole } from "./range.ts";
import { tableOf } from "./table.ts";
import { unprotectedIn } from "./unprotected.ts";

const ID = "azure/hcl-snp-parse";
const subject = readTestCase(ID);

test("flipCase() counts flips by what came of them", () => {
  const [part, ...others] = flipCase(ID, subject);
  assert.ok(part);
  assert.deepEqual(others, []);
  const accepted = Object.values(part.unprotected).reduce((sum, count) => sum + count.accepted, 0);
  assert.deepEqual([part.positions, part.flips, part.findings], [2048, 4096, []]);
  assert.equal(part.refused + accepted, part.flips);
});

test("flipCase() finds each flip that is accepted where nothing says that it may be", () => {
  const [part] = flipCase(ID, subject, { masks: [0x01], unprotected: () => [] });
  assert.ok(part);
  const [first] = part.findings;
  assert.deepEqual(first, { position: 12, mask: 1, outcome: "accepted" });
  assert.equal(part.findings.length + part.refused, 2048);
  assert.match(tableOf([part]), /^FINDING azure\/hcl-snp-parse hcl_report\[12\] \^ 0x1: accepted$/m);
});

test("flipCase() finds errors of another class than the package's, wherever they come out", () => {
  const broken = { ...readTestCase("sev-snp/launch-digests"), named: () => assert.fail("fault") };
  assert.throws(() => [...flipCase("sev-snp/launch-digests", broken)], /got case sev-snp\/launch-digests fault/);
  const whenChanged = { ...subject, roots: [] };
  const files = { get: () => assert.fail("fault") } as unknown as typeof subject.files;
  const part = { name: "x", bytes: new Uint8Array(1), changed: () => ({ ...whenChanged, files }) };
  const [found] = flipCase(ID, subject, {
    masks: [1],
    parts: () => [part],
    unprotected: () => whole(part.bytes, "noAction"),
  });
  assert.deepEqual(found?.findings, [{ position: 0, mask: 1, outcome: "AssertionError [ERR_ASSERTION]: fault" }]);
});

test("flipCase() refuses a case that is not a good one, and a part that is read though the table leaves it aside", () => {
  const bad = readTestCase("nitro/enclave-1");
  assert.throws(() => [...flipCase("x", { ...bad, roots: [] })], /got case x refused, wanted it accepted/);
  const aside = { unprotected: (_: unknown, { bytes }: { bytes: Uint8Array }) => whole(bytes, "notRead") };
  assert.throws(() => [...flipCase(ID, subject, aside)], /hcl_report read, wanted it left aside/);
});

test("unprotectedIn() knows every role that is flipped, and refuses others", () => {
  const part = { name: "surprise", bytes: new Uint8Array(1), changed: () => subject };
  assert.throws(() => unprotectedIn(subject, part), /got role "surprise" of kind "azure-hcl"/);
});

test("tableOf() sums by kind, and gives the reason of what is unprotected", () => {
  const part = { id: "a/b", kind: "ccel", part: "eventlog", flips: 8, refused: 5, findings: [], slowestMs: 1 };
  const unprotected = { eventData: { positions: 2, accepted: 3 } };
  const table = tableOf([
    { ...part, positions: 4, unprotected },
    { ...part, id: "a/c", positions: 4, unprotected: {} },
  ]).split("\n");
  assert.match(table[1] ?? "", /^ccel +2 +8 +16 +10 +2 +3 +0$/);
  assert.ok(table.some((line) => line.startsWith("eventData") && line.endsWith(REASONS.eventData)));
});
