import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { createFakeTpmCa } from "@constellation/testkit/fake-tpm";
import { MAX_EVIDENCE_BYTES, parseEvidence, serializeEvidence } from "./evidence.ts";

const tpm = await (await createFakeTpmCa()).createTpm();
const good = tpm.evidence({ reportData: new Uint8Array(64) });
const fields = JSON.parse(Buffer.from(good).toString()) as Record<string, unknown>;
const parseWith = (changes: object) => parseEvidence(utf8(JSON.stringify({ ...fields, ...changes })));
const refuses = (changes: object, message: RegExp) =>
  assert.throws(() => parseWith(changes), { name: "AttestationError", code: "evidence_malformed", message });

test("parseEvidence() reads every field, serializeEvidence() writes them again", () => {
  const evidence = parseEvidence(good);
  assert.equal(evidence.variant, "qemu-vtpm");
  assert.deepEqual(evidence.akCertificate, tpm.akCertificate);
  assert.equal(evidence.pcrs.size, 16);
  assert.deepEqual(evidence.pcrs.get(15), new Uint8Array(32));
  assert.deepEqual(serializeEvidence(evidence), good);
});

test("parseEvidence() refuses more than 1 MiB before it looks at it", () => {
  assert.throws(() => parseEvidence(new Uint8Array(MAX_EVIDENCE_BYTES + 1)), { code: "evidence_too_large" });
  assert.throws(() => parseEvidence(new Uint8Array(MAX_EVIDENCE_BYTES)), { code: "evidence_malformed" });
});

test("parseEvidence() refuses bytes that are not UTF-8 or not JSON", () => {
  assert.throws(() => parseEvidence(Uint8Array.of(0xff)), { code: "evidence_malformed", message: /not UTF-8/ });
  for (const text of ["", "{", "\ufeff{}", "{}{}", "{'a':1}", "[".repeat(1000)]) {
    assert.throws(() => parseEvidence(utf8(text)), { code: "evidence_malformed", message: /not strict JSON/ });
  }
});

test("parseEvidence() refuses deep nesting with an answer, not a crash", () => {
  const depth = MAX_EVIDENCE_BYTES / 2;
  const nested = "[".repeat(depth) + "]".repeat(depth);
  assert.throws(() => parseEvidence(utf8(nested)), { code: "evidence_malformed", message: /a list of 1/ });
});

test("parseEvidence() refuses a key that stands twice", () => {
  const text = Buffer.from(good).toString();
  assert.throws(() => parseEvidence(utf8(text.replace("{", '{"variant":"qemu-vtpm",'))), {
    code: "evidence_malformed",
  });
  assert.throws(() => parseEvidence(utf8(text.replace('"pcrs":{', '"pcrs":{"\\u0030":"",'))), {
    code: "evidence_malformed",
  });
});

test("parseEvidence() refuses JSON that is no object", () => {
  for (const text of ["null", "[]", '"x"', "1", "true"]) {
    assert.throws(() => parseEvidence(utf8(text)), { code: "evidence_malformed", message: /wanted a JSON object/ });
  }
});

test("parseEvidence() refuses variants it does not know", () => {
  assert.throws(() => parseWith({ variant: "gcp-sev" }), { code: "variant_unknown", message: /"gcp-sev"/ });
  assert.throws(() => parseWith({ variant: undefined }), { code: "variant_unknown", message: /nothing/ });
  assert.throws(() => parseWith({ variant: "x".repeat(1000) }), {
    code: "variant_unknown",
    message: /x{90}\.\.\., wanted/,
  });
  assert.throws(() => parseWith({ variant: { a: 1 } }), { code: "variant_unknown", message: /an object/ });
});

test("parseEvidence() refuses unknown and missing keys", () => {
  refuses({ more: 1 }, /evidence with key "more"/);
  refuses({ ["__proto__x"]: 1 }, /__proto__x/);
  refuses({ quote: undefined }, /without key "quote"/);
  refuses({ pcrs: { ...(fields["pcrs"] as object), 16: "00" } }, /pcrs with key "16"/);
  refuses({ pcrs: {} }, /pcrs without key "0"/);
  refuses({ pcrs: [] }, /a list of 0/);
});

test("parseEvidence() refuses binary fields that are not strict base64", () => {
  for (const field of ["akCertificate", "akPublic", "quote", "signature", "eventLog"]) {
    refuses({ [field]: 1 }, new RegExp(`${field} 1, wanted base64 text`));
    refuses({ [field]: "AA" }, new RegExp(`${field} that does not decode`));
  }
});

test("parseEvidence() refuses binary fields above their size", () => {
  const limits = { akCertificate: 8192, akPublic: 1024, quote: 1024, signature: 1024, eventLog: 524288 };
  for (const [field, limit] of Object.entries(limits)) {
    const evidence = parseWith({ [field]: Buffer.alloc(limit).toString("base64") });
    assert.ok(evidence.variant === "qemu-vtpm");
    assert.equal(evidence[field as keyof typeof limits].length, limit);
    refuses({ [field]: Buffer.alloc(limit + 1).toString("base64") }, new RegExp(`${field} of "${limit + 1}" bytes`));
  }
});

test("parseEvidence() refuses PCR values that are not 64 lower-case hex digits", () => {
  for (const value of ["", "00", "A".repeat(64), "g".repeat(64), `${"0".repeat(64)}\n`, 0, null]) {
    refuses({ pcrs: { ...(fields["pcrs"] as object), 3: value } }, /pcrs\.3/);
  }
});
