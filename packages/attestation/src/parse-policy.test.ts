import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeTpmCa } from "@constellation/testkit/fake-tpm";
import { AttestationError, type PolicyFinding } from "./error.ts";
import { checkPolicy, parsePolicy } from "./parse-policy.ts";
import { PCR_INDICES } from "./pcr-index.ts";
import { PLATFORM_VARIANTS } from "./platform/variants.ts";
import { serializePolicy } from "./policy.ts";

const ca = await createFakeTpmCa();
const digest = "ab".repeat(32);
const equal = { kind: "equal", anyOf: [digest] };
const good = {
  variant: "qemu-vtpm",
  endorsementRoots: [ca.certificatePem],
  pcrs: {
    ...Object.fromEntries(PCR_INDICES.map((index) => [index, equal])),
    "1": { kind: "nonzero", reason: "differs between machines" },
    "2": { kind: "any", reason: "empty here" },
  },
  endorsements: { kind: "anyOf", ekDigests: [digest, "cd".repeat(32)] },
};

function findings(value: unknown): readonly PolicyFinding[] {
  try {
    checkPolicy(value);
  } catch (error) {
    assert.ok(error instanceof AttestationError);
    assert.equal(error.code, "policy_malformed");
    return error.findings;
  }
  return [];
}

const withPcr = (rule: unknown) => ({ ...good, pcrs: { ...good.pcrs, "4": rule } });
const paths = (value: unknown) => findings(value).map(({ path }) => path);

test("parsePolicy() and serializePolicy() round trip", () => {
  const policy = parsePolicy(JSON.stringify(good));
  assert.deepEqual(policy, good);
  assert.deepEqual(parsePolicy(serializePolicy(policy)), good);
});

test("serializePolicy() is canonical: sorted keys, no white space", () => {
  const reversed = Object.fromEntries(Object.entries(good).reverse());
  assert.equal(serializePolicy(checkPolicy(reversed)), serializePolicy(checkPolicy(good)));
  const text = serializePolicy(checkPolicy(good));
  assert.ok(text.startsWith(`{"endorsementRoots":["-----BEGIN`));
  assert.match(text, /"pcrs":\{"0":\{"anyOf":\["ab.*?\],"kind":"equal"\},"1":.*"10":.*"15":.*"2":/);
});

test("checkPolicy() takes empty lists, which accept nobody, and any machine by choice", () => {
  const policy = { ...good, endorsementRoots: [], endorsements: { kind: "anyOf", ekDigests: [] } };
  assert.deepEqual(checkPolicy(policy), policy);
  const byChoice = { ...good, endorsements: { kind: "anyOfRoots", reason: "test" } };
  assert.deepEqual(checkPolicy(byChoice), byChoice);
});

test("parsePolicy() refuses text that is not strict JSON", () => {
  for (const text of ["", "{", '{"variant":1,"variant":1}']) {
    assert.throws(() => parsePolicy(text), { code: "policy_malformed", message: /^Parse policy failed: policy: got/ });
  }
});

test("checkPolicy() refuses what is no object", () => {
  for (const value of [null, 1, "x", [], undefined]) {
    assert.equal(findings(value).length, 1);
    assert.equal(findings(value)[0]?.wanted, "an object");
  }
});

test("checkPolicy() lists every wrong field with path, got and wanted", () => {
  const bad = {
    variant: "other",
    endorsementRoots: [1, "x"],
    pcrs: { ...good.pcrs, "3": { kind: "equal", anyOf: ["AB"] }, "4": { kind: "some" }, "5": { kind: "any" }, "16": 1 },
    more: 1,
  };
  assert.deepEqual(findings(bad), [
    { path: "more", got: "an unknown field", wanted: "only variant, endorsementRoots, pcrs, endorsements" },
    {
      path: "variant",
      got: '"other"',
      wanted: ["qemu-vtpm", ...PLATFORM_VARIANTS].map((name) => `"${name}"`).join(" or "),
    },
    { path: "endorsementRoots.0", got: "1", wanted: "a PEM certificate" },
    {
      path: "endorsementRoots.1",
      got: "Read PEM failed: got 1 characters, wanted one CERTIFICATE block",
      wanted: "a PEM certificate",
    },
    { path: "pcrs.16", got: "an unknown field", wanted: `only ${PCR_INDICES.join(", ")}` },
    { path: "pcrs.3.anyOf.0", got: '"AB"', wanted: "64 lower-case hex digits" },
    { path: "pcrs.4.kind", got: '"some"', wanted: '"equal" or "nonzero" or "any"' },
    { path: "pcrs.5.reason", got: "nothing", wanted: "a reason of 1 to 200 printable characters" },
    { path: "endorsements", got: "nothing", wanted: "an object" },
  ]);
});

test("checkPolicy() refuses a policy that is silent on any PCR", () => {
  for (const index of PCR_INDICES) {
    const { [index]: _, ...others } = good.pcrs as Record<string, unknown>;
    assert.deepEqual(paths({ ...good, pcrs: others }), [`pcrs.${index}`]);
  }
  assert.deepEqual(paths({ ...good, pcrs: undefined }), ["pcrs"]);
  assert.deepEqual(paths({ ...good, pcrs: [] }), ["pcrs"]);
});

test("checkPolicy() refuses wrong PCR rules", () => {
  assert.deepEqual(paths(withPcr({ kind: "equal" })), ["pcrs.4.anyOf"]);
  assert.deepEqual(paths(withPcr({ kind: "equal", anyOf: [digest, 1] })), ["pcrs.4.anyOf.1"]);
  assert.deepEqual(paths(withPcr({ kind: "equal", anyOf: digest })), ["pcrs.4.anyOf"]);
  assert.deepEqual(paths(withPcr({ kind: "equal", anyOf: [], reason: "x" })), ["pcrs.4.reason"]);
  assert.deepEqual(paths(withPcr({ kind: "any", reason: "x", anyOf: [] })), ["pcrs.4.anyOf"]);
  assert.deepEqual(paths(withPcr({ kind: "nonzero" })), ["pcrs.4.reason"]);
  assert.deepEqual(paths(withPcr({ kind: "any", reason: "" })), ["pcrs.4.reason"]);
  assert.deepEqual(paths(withPcr({ kind: "any", reason: "a\u001b[2J" })), ["pcrs.4.reason"]);
  assert.deepEqual(paths(withPcr({ kind: "any", reason: "x".repeat(201) })), ["pcrs.4.reason"]);
  assert.deepEqual(paths(withPcr(null)), ["pcrs.4"]);
  assert.deepEqual(paths(withPcr({})), ["pcrs.4.kind"]);
});

test("checkPolicy() refuses wrong endorsement rules and roots", () => {
  assert.deepEqual(paths({ ...good, endorsements: { kind: "all" } }), ["endorsements.kind"]);
  assert.deepEqual(paths({ ...good, endorsements: { kind: "anyOfRoots" } }), ["endorsements.reason"]);
  assert.deepEqual(paths({ ...good, endorsements: { kind: "anyOf", ekDigests: ["x"] } }), ["endorsements.ekDigests.0"]);
  assert.deepEqual(paths({ ...good, endorsementRoots: ca.certificatePem }), ["endorsementRoots"]);
  const cut = ca.certificatePem.replace(/\n.{64}\n/, "\n");
  assert.deepEqual(paths({ ...good, endorsementRoots: [cut] }), ["endorsementRoots.0"]);
});
