import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { concat, fromHex, hex, utf8 } from "@constellation/bytes";
import {
  createFakeTpmCa,
  FAKE_NOT_AFTER,
  FAKE_NOT_BEFORE,
  FAKE_NOW,
  fakeEventLog,
} from "@constellation/testkit/fake-tpm";
import {
  AK_TEMPLATE,
  type EccPublic,
  parseSignature,
  type RsaPublic,
  selectPcrs,
  serializePublic,
  serializeSignature,
  TPM_ALG,
  TPM_ECC,
  TPMA_OBJECT,
  tpmPublicToSpki,
} from "@constellation/tpm2";
import { pcrAspect } from "@constellation/verdict";
import { parseCertificate, pemToDer } from "@constellation/x509";
import { issue, p256 } from "@constellation/x509/testing/certificate-writer";
import fc from "fast-check";
import { appraise } from "./appraise.ts";
import { PCR_INDICES } from "./pcr-index.ts";
import { type PcrPolicy, policyId, type QemuVtpmPolicy } from "./policy.ts";
import { QEMU_VTPM_CHECKS } from "./qemu-vtpm/appraise.ts";
import { verifyAkCertificate } from "./qemu-vtpm/verify-ak-certificate.ts";
import { verifyQuote } from "./qemu-vtpm/verify-quote.ts";
import { requireAccepted, type Verdict } from "./verdict.ts";

const ca = await createFakeTpmCa();
const tpm = await ca.createTpm();
const reportData = new Uint8Array(64).fill(7);
const good = tpm.evidence({ reportData });
const policy = policyFor(good, tpm.ekDigest);

type BinaryField = "akCertificate" | "akPublic" | "quote" | "signature" | "eventLog";
type Fields = Record<BinaryField, string> & { pcrs: Record<string, string> };

function fieldsOf(evidence: Uint8Array): Fields {
  return JSON.parse(Buffer.from(evidence).toString()) as Fields;
}

/** A policy that wants exactly the PCR values of some evidence. */
function policyFor(evidence: Uint8Array, ekDigest: string): QemuVtpmPolicy {
  const rules = Object.entries(fieldsOf(evidence).pcrs).map(([index, value]) => [
    index,
    { kind: "equal", anyOf: [value] },
  ]);
  return {
    variant: "qemu-vtpm",
    endorsementRoots: [ca.certificatePem],
    pcrs: Object.fromEntries(rules) as QemuVtpmPolicy["pcrs"],
    endorsements: { kind: "anyOf", ekDigests: ["00".repeat(32), ekDigest] },
  };
}

function withPcrRule(index: number, rule: PcrPolicy): QemuVtpmPolicy {
  return { ...policy, pcrs: { ...policy.pcrs, [index]: rule } };
}

/** Good evidence with one field changed. */
function withField(field: BinaryField, bytes: Uint8Array, evidence: Uint8Array = good): Uint8Array {
  return utf8(JSON.stringify({ ...fieldsOf(evidence), [field]: Buffer.from(bytes).toString("base64") }));
}

const decoded = (field: BinaryField) => new Uint8Array(Buffer.from(fieldsOf(good)[field], "base64"));

const judge = (evidence: Uint8Array, by: QemuVtpmPolicy = policy, now = FAKE_NOW) =>
  appraise(evidence, by, { reportData, now });

/** Code of each check that failed, by its name. */
function failures(verdict: Verdict): Record<string, string> {
  assert.equal(
    verdict.accepted,
    verdict.checks.every((check) => check.outcome !== "fail"),
  );
  assert.deepEqual(
    verdict.checks.map(({ name }) => name),
    ["evidence", ...QEMU_VTPM_CHECKS],
  );
  return Object.fromEntries(
    verdict.checks.flatMap((check) => (check.outcome === "fail" ? [[check.name, check.code]] : [])),
  );
}

/** Failures that are not the mere consequence of another. */
function causes(verdict: Verdict): Record<string, string> {
  return Object.fromEntries(Object.entries(failures(verdict)).filter(([, code]) => code !== "not_checked"));
}

function checkNamed(verdict: Verdict, name: string) {
  return verdict.checks.find((check) => check.name === name);
}

test("appraise() accepts good evidence, with every check of the variant", () => {
  const verdict = judge(good);
  assert.deepEqual(failures(verdict), {});
  assert.equal(verdict.accepted, true);
  assert.equal(verdict.variant, "qemu-vtpm");
  assert.equal(verdict.claims.ekDigest, tpm.ekDigest);
  assert.deepEqual(verdict.claims.pcrs, fieldsOf(good).pcrs);
  assert.deepEqual(verdict.claims.chain, [
    "O=Constellation FAKE, CN=Fake attestation key",
    "O=Constellation FAKE, CN=Fake TPM CA",
  ]);
  assert.deepEqual(JSON.parse(JSON.stringify(verdict)), verdict);
  requireAccepted(verdict);
});

test("appraise() says what each check found and what it speaks for", () => {
  const verdict = judge(good);
  const aspects: Readonly<Record<string, string>> = {
    akCertificate: "runtime-opaque.operator",
    eventLog: "executables.log",
    endorsement: "instance-identity.machine",
  };
  for (const { name, speaksFor } of verdict.checks.filter(({ name }) => !name.startsWith("pcr["))) {
    const usual = name === "quote.qualifyingData" ? "instance-identity.binding" : "hardware.evidence";
    assert.equal(speaksFor, aspects[name.split(".")[0] as string] ?? usual, name);
  }
  const scheme = "type 0x23, curve 0x3, scheme 0x18, hash 0xb, nameAlg 0xb";
  const selection = '"0xb:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"';
  const key = `SPKI sha256:${createHash("sha256").update(tpmPublicToSpki(tpm.akPublic)).digest("hex")}`;
  for (const [name, shown] of [
    ["akCertificate.usage", '"digitalSignature"'],
    ["akPublic.scheme", scheme],
    ["akPublic.key", key],
    ["quote.pcrSelection", selection],
  ] as const) {
    const check = checkNamed(verdict, name);
    assert.deepEqual([check?.got, check?.wanted], [shown, shown]);
  }
});

test("appraise() throws for mistakes of the caller only", () => {
  const context = { reportData, now: FAKE_NOW };
  assert.throws(() => appraise(good, policy, { ...context, reportData: new Uint8Array(32) }), {
    code: "report_data_length",
  });
  assert.throws(() => appraise(good, { ...policy, pcrs: {} as QemuVtpmPolicy["pcrs"] }, context), {
    code: "policy_malformed",
  });
});

test("appraise() refuses bytes that are no evidence, and every other check with them", () => {
  for (const [bytes, code] of [
    [utf8("{}"), "variant_unknown"],
    [utf8("x"), "evidence_malformed"],
    [new Uint8Array(2 ** 20 + 1), "evidence_too_large"],
    [withField("quote", new Uint8Array(2000)), "evidence_malformed"],
  ] as const) {
    const verdict = judge(bytes);
    assert.deepEqual(causes(verdict), { evidence: code });
    assert.equal(Object.keys(failures(verdict)).length, 1 + QEMU_VTPM_CHECKS.length);
    assert.deepEqual(verdict.claims, {});
    assert.throws(() => requireAccepted(verdict), { code });
  }
});

test("appraise() refuses an AK certificate that does not parse, and what depends on it", () => {
  const verdict = judge(withField("akCertificate", Uint8Array.of(1)));
  assert.deepEqual(failures(verdict), {
    "akCertificate.format": "ak_certificate_malformed",
    "akCertificate.chain": "not_checked",
    "akCertificate.usage": "not_checked",
    "akCertificate.ekDigest": "not_checked",
    "akPublic.key": "not_checked",
    endorsement: "not_checked",
  });
});

test("appraise() refuses TPMs of another CA, even one of the same name", async () => {
  const foreign = await (await createFakeTpmCa({ name: "Other CA" })).createTpm();
  const sameName = await (await createFakeTpmCa()).createTpm();
  const anyOfRoots: QemuVtpmPolicy = { ...policy, endorsements: { kind: "anyOfRoots", reason: "test" } };
  const chain = "akCertificate.chain";
  assert.deepEqual(causes(judge(foreign.evidence({ reportData }), anyOfRoots)), {
    [chain]: "ak_certificate_issuer_unknown",
  });
  assert.deepEqual(causes(judge(sameName.evidence({ reportData }), anyOfRoots)), {
    [chain]: "ak_certificate_signature",
  });
});

test("appraise() accepts nobody by an empty list of roots", () => {
  const verdict = judge(good, { ...policy, endorsementRoots: [] });
  assert.deepEqual(causes(verdict), { "akCertificate.chain": "ak_certificate_issuer_unknown" });
  assert.equal(verdict.claims.chain, undefined);
});

test("verifyAkCertificate() gives neither a chain nor an endorsement digest where there is none", async () => {
  const root = parseCertificate(pemToDer(ca.certificatePem));
  const bare = await ca.createTpm({ uris: () => [] });
  const found = ["checks", "certificate"];
  assert.deepEqual(Object.keys(verifyAkCertificate(bare.akCertificate, [], FAKE_NOW)), found);
  assert.deepEqual(Object.keys(verifyAkCertificate(bare.akCertificate, [root], FAKE_NOW)), [...found, "chain"]);
  const all = verifyAkCertificate(tpm.akCertificate, [root], FAKE_NOW);
  assert.deepEqual(Object.keys(all), [...found, "chain", "ekDigest"]);
});

test("verifyAkCertificate() takes a certificate that says nothing of CAs for none of a CA", () => {
  const { checks } = verifyAkCertificate(issue(p256(), p256()), [], FAKE_NOW);
  assert.equal(checks.find(({ name }) => name === "akCertificate.usage")?.outcome, "pass");
});

test("appraise() judges validity at the time it is given", () => {
  const chain = "akCertificate.chain";
  const at = (time: number) => causes(judge(good, policy, new Date(time)));
  assert.deepEqual(at(FAKE_NOT_BEFORE.getTime() - 1), { [chain]: "ak_certificate_not_yet_valid" });
  assert.deepEqual(at(FAKE_NOT_AFTER.getTime() + 1), { [chain]: "ak_certificate_expired" });
  assert.deepEqual(at(Number.NaN), { [chain]: "ak_certificate_clock" });
});

test("appraise() refuses AK certificates for another use", async () => {
  for (const options of [
    { ca: true },
    { keyUsage: ["keyCertSign"] },
    { keyUsage: ["digitalSignature", "keyCertSign"] },
    { ca: true, keyUsage: ["digitalSignature", "keyCertSign"] },
  ] as const) {
    const other = await ca.createTpm(options);
    const evidence = other.evidence({ reportData });
    const verdict = judge(evidence, policyFor(evidence, other.ekDigest));
    assert.deepEqual(causes(verdict), { "akCertificate.usage": "ak_certificate_usage" });
  }
});

test("appraise() wants exactly one endorsement digest in the AK certificate", async () => {
  const uri = (digest: string) => `urn:constellation:ek-sha256:${digest}`;
  const cases: [(ekDigest: string) => string[], string][] = [
    [() => [], "ek_digest_missing"],
    [() => ["urn:example:1"], "ek_digest_missing"],
    [(digest) => [uri(digest), uri("00".repeat(32))], "ek_digest_ambiguous"],
    [(digest) => [uri(digest), uri(digest)], "ek_digest_ambiguous"],
    [(digest) => [uri(digest.toUpperCase())], "ek_digest_malformed"],
    [(digest) => [uri(digest.slice(2))], "ek_digest_malformed"],
    [(digest) => [uri(`${digest}00`)], "ek_digest_malformed"],
  ];
  for (const [uris, code] of cases) {
    const other = await ca.createTpm({ uris });
    const verdict = judge(other.evidence({ reportData }), {
      ...policy,
      endorsements: { kind: "anyOfRoots", reason: "test" },
    });
    assert.deepEqual(failures(verdict), { "akCertificate.ekDigest": code, endorsement: "not_checked" });
    assert.equal(verdict.claims.ekDigest, undefined);
  }
});

test("appraise() takes other URIs beside the endorsement digest", async () => {
  const other = await ca.createTpm({ uris: (digest) => ["urn:example:1", `urn:constellation:ek-sha256:${digest}`] });
  const evidence = other.evidence({ reportData });
  assert.deepEqual(failures(judge(evidence, policyFor(evidence, other.ekDigest))), {});
});

test("appraise() refuses a public area that does not parse, and what depends on it", () => {
  const notOnCurve = serializePublic({ ...tpm.akPublic, unique: { x: new Uint8Array(32), y: new Uint8Array(32) } });
  for (const bytes of [Uint8Array.of(1), notOnCurve]) {
    assert.deepEqual(failures(judge(withField("akPublic", bytes))), {
      "akPublic.format": "ak_public_malformed",
      "akPublic.attributes": "not_checked",
      "akPublic.scheme": "not_checked",
      "akPublic.key": "not_checked",
      "quote.signature": "not_checked",
      "quote.signer": "not_checked",
    });
  }
});

/** Evidence of a TPM whose attestation key has another public area, signed and certified in all else. */
async function evidenceOfAk(akPublic: Partial<EccPublic>) {
  const other = await ca.createTpm({ akPublic });
  const evidence = other.evidence({ reportData });
  return judge(evidence, policyFor(evidence, other.ekDigest));
}

test("appraise() refuses keys without each attribute of an attestation key", async () => {
  for (const attribute of ["fixedTPM", "fixedParent", "sensitiveDataOrigin", "restricted", "sign"] as const) {
    const verdict = await evidenceOfAk({ objectAttributes: AK_TEMPLATE.objectAttributes & ~TPMA_OBJECT[attribute] });
    assert.deepEqual(causes(verdict), { "akPublic.attributes": "ak_public_attributes" }, attribute);
  }
});

test("appraise() refuses keys that decrypt", async () => {
  const verdict = await evidenceOfAk({ objectAttributes: AK_TEMPLATE.objectAttributes | TPMA_OBJECT.decrypt });
  assert.deepEqual(causes(verdict), { "akPublic.attributes": "ak_public_attributes" });
});

test("appraise() refuses keys of another scheme, hash or name algorithm", async () => {
  const { parameters } = AK_TEMPLATE;
  const scheme = { "akPublic.scheme": "ak_public_scheme" };
  for (const changed of [{ scheme: TPM_ALG.NULL }, { scheme: TPM_ALG.ECDSA, hashAlg: TPM_ALG.SHA384 }]) {
    assert.deepEqual(causes(await evidenceOfAk({ parameters: { ...parameters, scheme: changed } })), scheme);
  }
  assert.deepEqual(failures(await evidenceOfAk({ nameAlg: TPM_ALG.SHA384 })), {
    ...scheme,
    "quote.signer": "not_checked",
  });
});

test("appraise() says which scheme a key has", async () => {
  const { parameters } = AK_TEMPLATE;
  const verdict = await evidenceOfAk({ parameters: { ...parameters, scheme: { scheme: TPM_ALG.NULL } } });
  assert.equal(checkNamed(verdict, "akPublic.scheme")?.got, "type 0x23, curve 0x3, scheme 0x10, hash 0x0, nameAlg 0xb");
});

test("appraise() refuses RSA and P-384 attestation keys", () => {
  const rsa: RsaPublic = {
    type: TPM_ALG.RSA,
    nameAlg: TPM_ALG.SHA256,
    objectAttributes: AK_TEMPLATE.objectAttributes,
    authPolicy: new Uint8Array(0),
    parameters: {
      symmetric: { algorithm: TPM_ALG.NULL },
      scheme: { scheme: TPM_ALG.RSASSA, hashAlg: TPM_ALG.SHA256 },
      keyBits: 2048,
      exponent: 0,
    },
    unique: new Uint8Array(256).fill(0xff),
  };
  // The generator of P-384 (SEC 2, 2.5.1) is a point that everybody knows.
  const p384: EccPublic = {
    ...AK_TEMPLATE,
    parameters: { ...AK_TEMPLATE.parameters, curveID: TPM_ECC.NIST_P384 },
    unique: {
      x: fromHex("aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"),
      y: fromHex("3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f"),
    },
  };
  const evenRsa = { ...rsa, unique: rsa.unique.with(-1, 0xfe) };
  for (const [area, shown] of [
    [rsa, "type 0x1, curve 0x0, scheme 0x14, hash 0xb, nameAlg 0xb"],
    [evenRsa, "type 0x1, curve 0x0, scheme 0x14, hash 0xb, nameAlg 0xb"],
    [p384, "type 0x23, curve 0x4, scheme 0x18, hash 0xb, nameAlg 0xb"],
  ] as const) {
    const verdict = judge(withField("akPublic", serializePublic(area)));
    assert.deepEqual(causes(verdict), {
      "akPublic.scheme": "ak_public_scheme",
      "akPublic.key": "ak_public_key_mismatch",
      "quote.signature": "quote_signature",
      "quote.signer": "quote_signer",
    });
    assert.equal(checkNamed(verdict, "akPublic.scheme")?.got, shown);
  }
});

test("appraise() refuses a key that is not the one certified", async () => {
  const other = await ca.createTpm();
  const evidence = withField("akCertificate", tpm.akCertificate, other.evidence({ reportData }));
  assert.deepEqual(causes(judge(evidence)), { "akPublic.key": "ak_public_key_mismatch" });
});

test("appraise() refuses what no TPM has made, though the key signed it", () => {
  const quote = decoded("quote");
  const signed = (bytes: Uint8Array) => withField("signature", tpm.sign(bytes), withField("quote", bytes));
  const magic = concat(Uint8Array.of(0), quote.subarray(1));
  const type = concat(quote.subarray(0, 5), Uint8Array.of(0x14), quote.subarray(6));
  assert.deepEqual(causes(judge(signed(magic))), { "quote.magic": "quote_magic" });
  assert.deepEqual(causes(judge(signed(type))), { "quote.type": "quote_type" });
  assert.deepEqual(checkNamed(judge(signed(type)), "quote.magic")?.outcome, "pass");
  assert.deepEqual(failures(judge(signed(quote.subarray(0, -1)))), {
    "quote.format": "quote_malformed",
    "quote.magic": "not_checked",
    "quote.type": "not_checked",
    "quote.signer": "not_checked",
    "quote.qualifyingData": "not_checked",
    "quote.pcrSelection": "not_checked",
    "quote.pcrDigest": "not_checked",
  });
});

test("appraise() refuses signatures that are not the key's", async () => {
  const signature = parseSignature(decoded("signature"));
  assert.equal(signature.sigAlg, TPM_ALG.ECDSA);
  const long = new Uint8Array(33);
  for (const bytes of [
    (await ca.createTpm()).sign(decoded("quote")),
    tpm.sign(utf8("other")),
    Uint8Array.of(1),
    serializeSignature({ sigAlg: TPM_ALG.RSASSA, hash: TPM_ALG.SHA256, sig: new Uint8Array(256) }),
    serializeSignature({ ...signature, hash: TPM_ALG.SHA384 }),
    serializeSignature({ ...signature, r: long }),
    serializeSignature({ ...signature, s: long }),
    serializeSignature({ ...signature, r: new Uint8Array(0), s: new Uint8Array(0) }),
  ]) {
    assert.deepEqual(causes(judge(withField("signature", bytes))), { "quote.signature": "quote_signature" });
  }
});

test("appraise() accepts signature numbers without their leading zeros", () => {
  for (;;) {
    const signature = parseSignature(tpm.sign(decoded("quote")));
    assert.ok(signature.sigAlg === TPM_ALG.ECDSA);
    if (signature.r[0] !== 0) continue;
    const evidence = withField("signature", serializeSignature({ ...signature, r: signature.r.subarray(1) }));
    assert.deepEqual(failures(judge(evidence)), {});
    return;
  }
});

test("appraise() refuses quotes by another key, or a key of another hierarchy, of the same point", () => {
  const evidence = tpm.evidence({ reportData, quote: { qualifiedSigner: new Uint8Array(34) } });
  assert.deepEqual(causes(judge(evidence)), { "quote.signer": "quote_signer" });
});

test("appraise() refuses evidence for other report data", () => {
  const evidence = tpm.evidence({ reportData: new Uint8Array(64) });
  assert.deepEqual(causes(judge(evidence)), { "quote.qualifyingData": "quote_qualifying_data" });
  const empty = tpm.evidence({ reportData, quote: { extraData: new Uint8Array(0) } });
  assert.deepEqual(causes(judge(empty)), { "quote.qualifyingData": "quote_qualifying_data" });
});

test("appraise() refuses quotes over other PCRs or banks", () => {
  const all = PCR_INDICES.map(Number);
  for (const pcrSelect of [
    [],
    [selectPcrs(all.slice(1))],
    [selectPcrs([...all, 16])],
    [selectPcrs(all, TPM_ALG.SHA1)],
    [selectPcrs(all), selectPcrs([0], TPM_ALG.SHA1)],
    [selectPcrs(all.slice(0, 8)), selectPcrs(all.slice(8))],
  ]) {
    const evidence = tpm.evidence({ reportData, quote: { pcrSelect } });
    assert.deepEqual(causes(judge(evidence)), { "quote.pcrSelection": "quote_pcr_selection" });
  }
});

test("appraise() refuses PCR values that are not those quoted", () => {
  const changed = { ...fieldsOf(good), pcrs: { ...fieldsOf(good).pcrs, "3": "11".repeat(32) } };
  const evidence = utf8(JSON.stringify(changed));
  assert.deepEqual(causes(judge(evidence, withPcrRule(3, { kind: "any", reason: "test" }))), {
    "quote.pcrDigest": "quote_pcr_digest",
  });
  const digest = tpm.evidence({ reportData, quote: { pcrDigest: new Uint8Array(32) } });
  assert.deepEqual(causes(judge(digest)), { "quote.pcrDigest": "quote_pcr_digest" });
});

test("appraise() refuses an event log that does not parse", () => {
  const verdict = judge(withField("eventLog", utf8("no log")));
  assert.deepEqual(causes(verdict), { "eventLog.format": "eventlog_malformed" });
  for (const index of [4, 9, 11, 12, 13]) {
    assert.equal(failures(verdict)[`eventLog.pcr[${index}]`], "not_checked");
  }
});

test("appraise() refuses PCRs that the event log does not explain, though the policy accepts their value", () => {
  for (const index of [4, 9, 11, 12, 13]) {
    const evidence = tpm.evidence({ reportData, pcrs: new Map([[index, new Uint8Array(32).fill(1)]]) });
    const verdict = judge(evidence, policyFor(evidence, tpm.ekDigest));
    assert.deepEqual(causes(verdict), { [`eventLog.pcr[${index}]`]: "eventlog_pcr_mismatch" });
  }
});

test("appraise() refuses a log with events in a PCR that is zero", () => {
  const eventLog = fakeEventLog([{ pcr: 13, data: "addon" }]);
  const pcrs = new Map(PCR_INDICES.map((index) => [Number(index), new Uint8Array(32)]));
  const evidence = tpm.evidence({ reportData, eventLog, pcrs });
  const verdict = judge(evidence, policyFor(evidence, tpm.ekDigest));
  assert.deepEqual(causes(verdict), { "eventLog.pcr[13]": "eventlog_pcr_mismatch" });
});

test("appraise() does not judge PCRs by the log that the running system extends", () => {
  for (const index of [0, 7, 15]) {
    const evidence = tpm.evidence({ reportData, pcrs: new Map([[index, new Uint8Array(32).fill(1)]]) });
    assert.deepEqual(failures(judge(evidence, policyFor(evidence, tpm.ekDigest))), {});
  }
});

test("appraise() refuses machines that are not listed, and accepts nobody by an empty list", async () => {
  for (const ekDigests of [["00".repeat(32)], []]) {
    const verdict = judge(good, { ...policy, endorsements: { kind: "anyOf", ekDigests } });
    assert.deepEqual(failures(verdict), { endorsement: "endorsement_not_allowed" });
    assert.deepEqual(checkNamed(verdict, "endorsement"), {
      name: "endorsement",
      outcome: "fail",
      speaksFor: "instance-identity.machine",
      code: "endorsement_not_allowed",
      got: tpm.ekDigest,
      wanted: ekDigests[0] ?? "none, the list is empty",
    });
  }
  assert.deepEqual(failures(judge((await ca.createTpm()).evidence({ reportData }))), {
    endorsement: "endorsement_not_allowed",
  });
});

test("appraise() shows the choice to accept any machine of the roots", () => {
  const verdict = judge(good, { ...policy, endorsements: { kind: "anyOfRoots", reason: "first boot" } });
  assert.deepEqual(failures(verdict), {});
  assert.deepEqual(checkNamed(verdict, "endorsement"), {
    name: "endorsement",
    outcome: "accepted-by-choice",
    speaksFor: "instance-identity.machine",
    got: tpm.ekDigest,
    wanted: "any under the roots",
    reason: "first boot",
  });
});

test("appraise() names each PCR that differs from the policy, with got and wanted", () => {
  const wanted = "11".repeat(32);
  for (const index of PCR_INDICES) {
    const verdict = judge(good, withPcrRule(Number(index), { kind: "equal", anyOf: [wanted] }));
    assert.deepEqual(failures(verdict), { [`pcr[${index}]`]: "pcr_mismatch" });
    assert.deepEqual(checkNamed(verdict, `pcr[${index}]`), {
      name: `pcr[${index}]`,
      outcome: "fail",
      speaksFor: pcrAspect(Number(index), fromHex(fieldsOf(good).pcrs[index] as string)),
      code: "pcr_mismatch",
      got: fieldsOf(good).pcrs[index],
      wanted,
    });
  }
});

test("appraise() takes one of several PCR values, and none of an empty list", () => {
  const value = fieldsOf(good).pcrs["4"] as string;
  assert.deepEqual(failures(judge(good, withPcrRule(4, { kind: "equal", anyOf: ["11".repeat(32), value] }))), {});
  const nobody = judge(good, withPcrRule(4, { kind: "equal", anyOf: [] }));
  assert.deepEqual(failures(nobody), { "pcr[4]": "pcr_mismatch" });
  assert.equal(checkNamed(nobody, "pcr[4]")?.wanted, "none, the list is empty");
});

test("appraise() shows the choice to accept any value, or any but zeros", () => {
  const any = judge(good, withPcrRule(15, { kind: "any", reason: "test" }));
  assert.deepEqual(failures(any), {});
  assert.equal(checkNamed(any, "pcr[15]")?.outcome, "accepted-by-choice");
  const nonzero = judge(good, withPcrRule(4, { kind: "nonzero", reason: "test" }));
  assert.deepEqual(failures(nonzero), {});
  assert.equal(checkNamed(nonzero, "pcr[4]")?.outcome, "accepted-by-choice");
  assert.deepEqual(failures(judge(good, withPcrRule(15, { kind: "nonzero", reason: "test" }))), {
    "pcr[15]": "pcr_zero",
  });
});

test("appraise(), verifyAkCertificate() and verifyQuote() let through what is no fault of the evidence", () => {
  const none = undefined as unknown as Uint8Array;
  const pcrs = new Map<number, Uint8Array>();
  assert.throws(() => judge(none), TypeError);
  assert.throws(() => verifyAkCertificate(none, [], FAKE_NOW), TypeError);
  assert.throws(() => verifyQuote({ quote: none, signature: none, pcrs }, undefined, reportData), TypeError);
});

test("verifyQuote() hands on the very error that is no fault of the evidence", () => {
  const own = new Error("out of reach");
  const bytes = new Proxy(new Uint8Array(1), {
    get() {
      throw own;
    },
  });
  const evidence = { quote: bytes, signature: bytes, pcrs: new Map<number, Uint8Array>() };
  for (const akPublic of [undefined, tpm.akPublic]) {
    assert.throws(
      () => verifyQuote(evidence, akPublic, reportData),
      (error) => error === own,
    );
  }
});

test("appraise() answers any bytes with a verdict", () => {
  const changes = fc.array(fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(changes, (list) => {
      const bytes = Uint8Array.from(good);
      for (const [index, value] of list) bytes[index] = value;
      failures(judge(bytes));
    }),
    { numRuns: 200 },
  );
  fc.assert(fc.property(fc.uint8Array(), (bytes) => !judge(bytes).accepted));
});

test("appraise() refuses each single changed byte of what the evidence is made of", () => {
  const anyValue = Object.fromEntries(PCR_INDICES.map((index) => [index, { kind: "any", reason: "test" }]));
  const lax: QemuVtpmPolicy = {
    ...policy,
    pcrs: anyValue as QemuVtpmPolicy["pcrs"],
    endorsements: { kind: "anyOfRoots", reason: "test" },
  };
  assert.equal(judge(good, lax).accepted, true);
  for (const field of ["akCertificate", "akPublic", "quote", "signature"] as const) {
    for (const [place, bytes] of changedBytes(decoded(field))) {
      assert.equal(judge(withField(field, bytes), lax).accepted, false, `${field} byte ${place}`);
    }
  }
  const { pcrs } = fieldsOf(good);
  for (const index of PCR_INDICES) {
    for (const [place, bytes] of changedBytes(fromHex(pcrs[index] as string))) {
      const evidence = utf8(JSON.stringify({ ...fieldsOf(good), pcrs: { ...pcrs, [index]: hex(bytes) } }));
      assert.equal(judge(evidence, lax).accepted, false, `pcr ${index} byte ${place}`);
    }
  }
});

/** Each copy of some bytes with one bit of one byte changed. */
function* changedBytes(bytes: Uint8Array): Generator<[number, Uint8Array]> {
  for (let index = 0; index < bytes.length; index++) {
    const changed = Uint8Array.from(bytes);
    changed[index] = (bytes[index] as number) ^ (1 << (index % 8));
    yield [index, changed];
  }
}

test("appraise() claims neither hardware nor closed memory by a virtual TPM, however good its evidence", () => {
  const { accepted, status, trustVector } = judge(good);
  const values = Object.entries(trustVector).map(([claim, { value }]) => `${claim} ${value}`);
  assert.deepEqual([accepted, status], [true, "warning"]);
  assert.ok(values.includes("hardware 0") && values.includes("runtime-opaque 32"), values.join(", "));
});

test("appraise() affirms no executables where the firmware or the boot loader is left open", () => {
  for (const index of [0, 2, 4, 9, 11]) {
    const { trustVector } = judge(good, withPcrRule(index, { kind: "any", reason: "test" }));
    assert.deepEqual(trustVector.executables, { value: 33, because: [`pcr[${index}]`] });
  }
});

test("appraise() gives a refused verdict no status but contraindicated", () => {
  const { accepted, status } = judge(good, withPcrRule(15, { kind: "equal", anyOf: [] }));
  assert.deepEqual([accepted, status], [false, "contraindicated"]);
  assert.equal(judge(utf8("{}")).status, "contraindicated");
});

test("policyId() names equal policies alike, and others differently", () => {
  assert.match(policyId(policy), /^sha256:[0-9a-f]{64}$/);
  assert.equal(policyId(structuredClone(policy)), policyId(policy));
  assert.notEqual(policyId(withPcrRule(0, { kind: "any", reason: "test" })), policyId(policy));
});
