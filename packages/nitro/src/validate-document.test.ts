import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@constellation/bytes";
import type { CborMap } from "@constellation/cose";
import { type AttestationDocument, parseDocument } from "./attestation-document.ts";
import { claimsOf } from "./claims.ts";
import type { DocumentPolicy } from "./document-policy.ts";
import { openDocumentPolicy } from "./open-policy.ts";
import { FakeNitro, NOW, pcr } from "./testing/fake-nitro.ts";
import { isDebug, validateDocument } from "./validate-document.ts";

const aws = new FakeNitro();
const data = Uint8Array.of(1, 2, 3);
const other = Uint8Array.of(1, 2, 4);
const document = parseDocument(
  aws.evidence({ fields: { public_key: data, user_data: data, nonce: data } }).document,
).document;
const open = openDocumentPolicy({ kind: "any", reason: "not looked at" }, [0, 1, 2, 3, 4]);

const equal = <T>(...anyOf: T[]) => ({ kind: "equal", anyOf }) as const;
const strict: DocumentPolicy = {
  kind: equal("enclave"),
  moduleId: equal("i-1-enc1"),
  timestamp: { kind: "between", earliest: NOW, latest: NOW },
  pcrs: new Map([0, 1, 2, 3, 4].map((index) => [index, equal(pcr(index + 1))])),
  debug: equal(false),
  publicKey: equal(data),
  userData: equal(data),
  nonce: equal(other, data),
};

/** Names and codes of the checks that fail. */
function failuresOf(policy: Partial<DocumentPolicy>, of: AttestationDocument = document): string[] {
  const checks = validateDocument(of, { ...strict, ...policy });
  return checks.flatMap((check) => (check.outcome === "fail" ? [`${check.name}: ${check.code}`] : []));
}

test("validateDocument() accepts a document that is as the policy states", () => {
  assert.deepEqual(failuresOf({}), []);
  assert.deepEqual(
    validateDocument(document, strict).map(({ name, outcome, speaksFor }) => `${name} ${outcome} ${speaksFor}`),
    [
      "document.kind pass configuration.detail",
      "document.module_id pass instance-identity.machine",
      "document.timestamp pass instance-identity.binding",
      "document.debug pass runtime-opaque.detail",
      "document.pcrs.0 pass executables.boot",
      "document.pcrs.1 pass executables.detail",
      "document.pcrs.2 pass executables.detail",
      "document.pcrs.3 pass configuration.detail",
      "document.pcrs.4 pass instance-identity.machine",
      "document.public_key pass configuration.detail",
      "document.user_data pass configuration.detail",
      "document.nonce pass instance-identity.binding",
    ],
  );
});

test("validateDocument() judges registers in ascending order, whatever the order of the policy", () => {
  const any = { kind: "any", reason: "a test" } as const;
  const pcrs = new Map([[10, any], [8, any], [9, any], ...strict.pcrs]);
  const checks = validateDocument(document, { ...strict, pcrs }).filter(({ name }) => /\d$/.test(name));
  assert.deepEqual(checks.map(({ name, speaksFor }) => [name.split(".").at(-1), speaksFor]).slice(4), [
    ["4", "instance-identity.machine"],
    ["8", "executables.detail"],
    ["9", "configuration.detail"],
    ["10", "configuration.detail"],
  ]);
});

test("validateDocument() says what the policy leaves open, and why", () => {
  for (const check of validateDocument(document, open)) {
    assert.equal(check.outcome, "accepted-by-choice");
    assert.equal(check.reason, "not looked at");
  }
});

test("validateDocument() refuses each field that is not as the policy states", () => {
  const wrong: [Partial<DocumentPolicy>, string][] = [
    [{ kind: equal("nitrotpm") }, "document.kind: kind"],
    [{ moduleId: equal("i-2") }, "document.module_id: module_id"],
    [{ debug: equal(true) }, "document.debug: debug"],
    [{ publicKey: equal(other) }, "document.public_key: public_key"],
    [{ userData: equal(other) }, "document.user_data: user_data"],
    [{ nonce: equal(other) }, "document.nonce: nonce"],
    [{ nonce: equal() }, "document.nonce: nonce"],
  ];
  for (const [policy, failure] of wrong) assert.deepEqual(failuresOf(policy), [failure]);
});

test("validateDocument() refuses documents of NitroTPM where enclaves are wanted, and names their registers", () => {
  const tpm = parseDocument(aws.evidence({ kind: "nitrotpm" }).document).document;
  assert.deepEqual(failuresOf({ ...open, kind: equal("enclave") }, tpm), ["document.kind: kind"]);
  assert.deepEqual(failuresOf({ ...open, pcrs: new Map([...open.pcrs, [0, equal(pcr(9))]]) }, tpm), [
    "document.nitrotpm_pcrs.0: pcr",
  ]);
});

test("validateDocument() refuses times outside the policy's, and bounds that are no times", () => {
  const at = (earliest: number, latest: number) =>
    failuresOf({
      timestamp: { kind: "between", earliest: new Date(earliest), latest: new Date(latest) },
    });
  const now = NOW.getTime();
  assert.deepEqual(at(now - 1, now + 1), []);
  for (const [earliest, latest] of [
    [now + 1, now + 2],
    [now - 2, now - 1],
    [now + 1, now - 1],
    [Number.NaN, now],
    [now, Number.NaN],
  ] as const) {
    assert.deepEqual(at(earliest, latest), ["document.timestamp: timestamp"]);
  }
  const timestamp = { kind: "between", earliest: new Date(Number.NaN), latest: NOW } as const;
  const [, , check] = validateDocument(document, { ...strict, timestamp });
  assert.equal(check?.wanted, `no time to ${NOW.toISOString()}`);
});

test("validateDocument() refuses registers that differ, are missing, or that the policy does not state", () => {
  const withPcrs = (...changes: [number, DocumentPolicy["pcrs"] extends ReadonlyMap<number, infer E> ? E : never][]) =>
    failuresOf({ pcrs: new Map([...strict.pcrs, ...changes]) });
  assert.deepEqual(withPcrs([3, equal(pcr(9))]), ["document.pcrs.3: pcr"]);
  assert.deepEqual(withPcrs([3, equal()]), ["document.pcrs.3: pcr"]);
  assert.deepEqual(withPcrs([8, equal(pcr(9))]), ["document.pcrs.8: pcr_missing"]);
  assert.deepEqual(withPcrs([8, { kind: "any", reason: "signer" }]), []);
  const noImage = { ...document, pcrs: new Map([...document.pcrs].filter(([index]) => index !== 0)) };
  assert.deepEqual(failuresOf({}, noImage), ["document.debug: debug", "document.pcrs.0: pcr_missing"]);
  const fewer = new Map([...strict.pcrs].filter(([index]) => index !== 4));
  assert.deepEqual(failuresOf({ pcrs: fewer }), ["document.pcrs.4: pcr_not_stated"]);
  assert.equal(failuresOf({ pcrs: new Map() }).length, 5);
});

test("validateDocument() tells a field that is left out from one that is there", () => {
  const bare = parseDocument(aws.evidence({ fields: { user_data: null } }).document).document;
  const fields = ["publicKey", "userData", "nonce"] as const;
  const absent = { publicKey: { kind: "absent" }, userData: { kind: "absent" }, nonce: { kind: "absent" } } as const;
  const names = ["document.public_key: public_key", "document.user_data: user_data", "document.nonce: nonce"];
  assert.deepEqual(failuresOf(absent, bare), []);
  assert.deepEqual(failuresOf(absent), names);
  assert.deepEqual(failuresOf({}, bare), names);
  const any = { kind: "any", reason: "r" } as const;
  assert.deepEqual(failuresOf(Object.fromEntries(fields.map((field) => [field, any])), bare), []);
});

const withPcrs = (pcrs: CborMap) => parseDocument(aws.evidence({ fields: { pcrs } }).document).document;

test("isDebug() is true where any of the image's registers is zero or missing", () => {
  assert.equal(isDebug(document), false);
  const values = [pcr(1), pcr(2), pcr(3)];
  for (const index of [0, 1, 2]) {
    const zero = values.with(index, pcr(0)).map((value, i) => [BigInt(i), value] as const);
    assert.equal(isDebug(withPcrs(new Map(zero))), true);
    assert.equal(isDebug(withPcrs(new Map(zero.filter((_, i) => i !== index)))), true);
  }
  const last = pcr(0);
  last[47] = 1;
  assert.equal(isDebug(withPcrs(new Map(values.with(0, last).map((value, i) => [BigInt(i), value] as const)))), false);
});

test("claimsOf() gives what the document says", () => {
  assert.deepEqual(claimsOf(document), {
    kind: "enclave",
    moduleId: "i-1-enc1",
    timestamp: NOW.toISOString(),
    digest: "SHA384",
    debug: false,
    pcrs: Object.fromEntries([0, 1, 2, 3, 4].map((index) => [index, hex(pcr(index + 1))])),
    publicKey: "010203",
    userData: "010203",
    nonce: "010203",
  });
  const bare = claimsOf(parseDocument(aws.evidence({ fields: { user_data: null } }).document).document);
  assert.equal("publicKey" in bare || "userData" in bare || "nonce" in bare, false);
});

/** What the check of a name speaks for. */
function aspectOf(
  name: string,
  policy: Partial<DocumentPolicy>,
  of: AttestationDocument = document,
): string | undefined {
  return validateDocument(of, { ...strict, ...policy }).find((check) => check.name === name)?.speaksFor;
}

test("validateDocument() lets the whole image's register speak for an enclave's executables, unless it is zero", () => {
  assert.equal(aspectOf("document.pcrs.0", {}), "executables.boot");
  assert.equal(aspectOf("document.pcrs.1", {}), "executables.detail");
  const debug = { ...document, pcrs: new Map([[0, new Uint8Array(48)]]) };
  assert.equal(aspectOf("document.pcrs.0", {}, debug), "executables.firmware");
  assert.equal(aspectOf("document.pcrs.0", {}, { ...document, pcrs: new Map() }), "executables.firmware");
  assert.equal(aspectOf("document.debug", {}, debug), "runtime-opaque.debug");
  assert.equal(aspectOf("document.debug", {}), "runtime-opaque.detail");
});

test("validateDocument() takes a document that is to have no nonce for one that was made for nobody", () => {
  assert.equal(aspectOf("document.nonce", {}), "instance-identity.binding");
  assert.equal(aspectOf("document.nonce", { nonce: { kind: "absent" } }), "instance-identity.unbound");
});

test("validateDocument() shows that registers of the boot are neither in a NitroTPM's document nor in the policy", () => {
  const instance: AttestationDocument = { ...document, kind: "nitrotpm" };
  const absent = validateDocument(instance, { ...strict, kind: equal("nitrotpm") }).filter(({ got }) => got === "none");
  assert.deepEqual(
    absent.map(({ name, outcome, speaksFor }) => `${name} ${outcome} ${speaksFor}`),
    [
      "document.nitrotpm_pcrs.9 accepted-by-choice executables.boot",
      "document.nitrotpm_pcrs.11 accepted-by-choice executables.boot",
      "document.nitrotpm_pcrs.13 accepted-by-choice executables.boot",
    ],
  );
});
