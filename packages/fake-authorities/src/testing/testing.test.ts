import assert from "node:assert/strict";
import { test } from "node:test";
import { type Json, leavesOf, valueAt, withValue } from "./json.ts";
import { openFields, policyChanges, statedFields } from "./policy-changes.ts";
import { refusalOf } from "./refusals.ts";

const POLICY: Json = {
  variant: "none",
  roots: ["ours"],
  flag: { kind: "equal", anyOf: [true] },
  bytes: { kind: "equal", anyOf: ["0f", "f0"] },
  bits: { kind: "equal", anyOf: ["0xf"] },
  open: { kind: "any", reason: "open" },
  least: { kind: "minimum", value: { major: 1, minor: 0 } },
  products: { one: { kind: "minimum", reported: 1 }, two: { kind: "refuse" } },
  times: { kind: "between", earliest: "2026-01-01T00:00:00.000Z", latest: "2026-01-01T00:00:00.000Z" },
  none: { kind: "absent" },
  asked: { kind: "required" },
  log: { kind: "required", explained: [1] },
  tcb: { kind: "judged", acceptedTcbStatuses: ["UpToDate"], minimumTcbEvaluationDataNumber: 17 },
  mitigations: { kind: "minimum", value: "0x3" },
  kindOfKey: { kind: "equal", anyOf: ["VCEK"] },
};

test("policyChanges() changes each field by itself", () => {
  const changes = policyChanges(POLICY, { roots: ["theirs"] });
  assert.deepEqual(Object.fromEntries(changes.map(({ path, document }) => [path.join("."), valueAt(document, path)])), {
    "flag.anyOf": [false],
    "bytes.anyOf": ["00", "f1"],
    "bits.anyOf": ["0x10"],
    "least.value.major": 2,
    "least.value.minor": 1,
    "products.one.reported": 2,
    "products.one": { kind: "refuse" },
    "times.earliest": "2026-01-01T00:00:00.001Z",
    "times.latest": "2025-12-31T23:59:59.999Z",
    none: { kind: "equal", anyOf: ["00"] },
    "log.explained": [1, 16],
    "tcb.acceptedTcbStatuses": ["OutOfDate"],
    "tcb.minimumTcbEvaluationDataNumber": 18,
    "mitigations.value": "0x4",
    "kindOfKey.anyOf": ["VLEK"],
    roots: ["theirs"],
  });
  for (const { path, document } of changes) assert.deepEqual(withValue(document, path, valueAt(POLICY, path)), POLICY);
});

test("openFields() and statedFields() tell what a policy says nothing and something about", () => {
  assert.deepEqual(openFields(POLICY), ["open"]);
  const stated = ["flag", "bytes", "bits", "least", "products.one", "times", "none", "tcb", "mitigations", "kindOfKey"];
  assert.deepEqual(statedFields(POLICY), stated);
});

test("withValue() changes a member of a list and no other", () => {
  assert.deepEqual(withValue({ list: ["a", "b"] }, ["list", "1"], "c"), { list: ["a", "c"] });
  assert.deepEqual(leavesOf({ list: ["a", null] }), [
    { path: ["list", "0"], value: "a" },
    { path: ["list", "1"], value: null },
  ]);
});

test("refusalOf() tells check and code, and knows no field that there is not", () => {
  const refusal = refusalOf(["azure", "sevSnp", "report", "products", "Milan", "launch", "bootLoader"]);
  assert.ok(refusal?.test("azure.report.launchTcb.bootLoader launch_tcb_boot_loader"));
  assert.ok(!refusal?.test("azure.report.launchTcb.tee launch_tcb_tee"));
  assert.equal(refusalOf(["sevSnp", "nothing"]), undefined);
  assert.equal(refusalOf([]), undefined);
});
