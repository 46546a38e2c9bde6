import assert from "node:assert/strict";
import { test } from "node:test";
import { clusterIdPcr, type QemuVtpmPolicy } from "@constellation/attestation";
import { parseConfig } from "./config.ts";
import { MEASUREMENTS, postInitState } from "./fixtures.ts";
import { generateQemuConfig } from "./generate-config.ts";
import { attestationPolicy, FRESH_NODE } from "./policy.ts";
import { emptyState } from "./state.ts";

const text = generateQemuConfig({ image: "x.raw", measurements: MEASUREMENTS });
const config = parseConfig(text);
const state = postInitState();

function qemuPolicy(...input: Parameters<typeof attestationPolicy>): QemuVtpmPolicy {
  const policy = attestationPolicy(...input);
  assert.ok(policy.variant === "qemu-vtpm");
  return policy;
}

test("attestationPolicy() states all 16 registers, each open one with a reason", () => {
  const { pcrs } = qemuPolicy(config, state, { members: FRESH_NODE, admit: "all" });
  assert.deepEqual(
    Object.keys(pcrs).map(Number),
    Array.from({ length: 16 }, (_, index) => index),
  );
  for (const [index, rule] of Object.entries(pcrs)) {
    if (rule.kind === "equal") assert.equal(rule.anyOf.length, 1);
    else assert.match(rule.reason, /^not in the configuration's measurements: \w/, index);
  }
  assert.deepEqual(pcrs["4"], { kind: "equal", anyOf: [MEASUREMENTS[4]] });
  assert.deepEqual(pcrs["15"], { kind: "equal", anyOf: ["0".repeat(64)] });
});

test("attestationPolicy() opens a register that is warnOnly, and says why", () => {
  const open = parseConfig(text.replace("warnOnly: false", "warnOnly: true"));
  const { pcrs } = qemuPolicy(open, state, { members: FRESH_NODE, admit: "all" });
  assert.deepEqual(pcrs["4"], { kind: "any", reason: "warnOnly in the configuration" });
});

test("attestationPolicy() takes PCR 15 from the purpose and never from the configuration", () => {
  const clusterId = new Uint8Array(32).fill(0xab);
  const { pcrs } = qemuPolicy(config, state, { members: [clusterId], admit: "all" });
  assert.deepEqual(pcrs["15"], { kind: "equal", anyOf: [clusterIdPcr(clusterId)] });
});

test("attestationPolicy() admits recorded machines of the role asked for", () => {
  const digests = (admit: "all" | "control-planes") =>
    qemuPolicy(config, state, { members: FRESH_NODE, admit }).endorsements;
  assert.deepEqual(digests("all"), { kind: "anyOf", ekDigests: ["a".repeat(64), "b".repeat(64)] });
  assert.deepEqual(digests("control-planes"), { kind: "anyOf", ekDigests: ["a".repeat(64)] });
});

test("attestationPolicy() without machines admits nobody", () => {
  const policy = qemuPolicy(config, emptyState(), { members: FRESH_NODE, admit: "all" });
  assert.deepEqual(policy.endorsements, { kind: "anyOf", ekDigests: [] });
  assert.deepEqual(policy.endorsementRoots, []);
});
