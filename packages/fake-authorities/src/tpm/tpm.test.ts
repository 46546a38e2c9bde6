import assert from "node:assert/strict";
import { test } from "node:test";
import type { AkPublicInput } from "@constellation/vtpm";
import { verifyAkPublic, verifyEventLog, verifyQuote, verifyTpmCertificate } from "@constellation/vtpm";
import { parseCertificate } from "@constellation/x509";
import { FAKE_NOW, fakeEventLog, fakeEvents, FakeGcp, FakeTpm, FakeTpmCa, GCE_INSTANCE_OID } from "../index.ts";

const qualifyingData = new Uint8Array(32).fill(1);

function publicOf(tpm: FakeTpm): AkPublicInput {
  return { format: "tpmt-public", bytes: tpm.akPublicBytes };
}

function codesOf(checks: readonly { readonly outcome: string; readonly code?: string }[]): (string | undefined)[] {
  return checks.filter(({ outcome }) => outcome === "fail").map(({ code }) => code);
}

test("FakeTpm quotes each bank, by keys of both kinds", () => {
  const banks = ["sha256", "sha384", "sha512"] as const;
  const log = fakeEventLog(fakeEvents("test"), ["sha1", ...banks]);
  for (const tpm of [new FakeTpm("ecc"), new FakeTpm("rsa")]) {
    const ak = verifyAkPublic(publicOf(tpm));
    assert.deepEqual(codesOf(ak.checks), []);
    for (const bank of banks) {
      const { signature, ...quoted } = tpm.quote({ qualifyingData, pcrs: log.pcrs(bank), bank });
      const { checks } = verifyQuote(
        {
          ...quoted,
          bank,
          signature: { format: "tpmt-signature", bytes: signature },
          qualifyingData: { kind: "equal", anyOf: [qualifyingData] },
        },
        ak.attestationKey,
      );
      assert.deepEqual(codesOf(checks), [], bank);
      const explained = [...quoted.pcrs.keys()];
      assert.deepEqual(codesOf(verifyEventLog({ eventLog: log.bytes, bank, pcrs: quoted.pcrs, explained }).checks), []);
    }
  }
});

test("FakeTpm can have a key of another kind, and quotes that say something else", () => {
  const tpm = new FakeTpm("ecc", { objectAttributes: 0 });
  const { checks, attestationKey } = verifyAkPublic(publicOf(tpm));
  assert.deepEqual(codesOf(checks), ["ak_public_attributes"]);
  const pcrs = fakeEventLog([]).pcrs();
  const { quote, signature } = tpm.quote({ qualifyingData, pcrs, changes: { pcrDigest: new Uint8Array(32) } });
  const input = { quote, bank: "sha256", pcrs, qualifyingData: { kind: "equal", anyOf: [qualifyingData] } } as const;
  const judged = verifyQuote({ ...input, signature: { format: "tpmt-signature", bytes: signature } }, attestationKey);
  assert.deepEqual(codesOf(judged.checks), ["quote_pcr_digest"]);
});

test("FakeTpmCa certifies attestation and endorsement keys, each for its use", () => {
  const ca = new FakeTpmCa({ organization: "Maker", root: "Root", intermediate: "Intermediate" });
  const tpm = new FakeTpm();
  const request = { commonName: "key", notAfter: new Date("2026-06-01T00:00:00Z") };
  const codes = (certificate: Uint8Array, usage: "sign" | "encrypt", now = FAKE_NOW) =>
    codesOf(
      verifyTpmCertificate({
        name: "akCertificate",
        certificate,
        intermediates: [ca.intermediate],
        roots: [parseCertificate(ca.root)],
        now,
        usage,
        spki: undefined,
      }).checks,
    );
  assert.deepEqual(codes(ca.certifyAk(tpm, request), "sign"), []);
  assert.deepEqual(codes(ca.certifyEk(tpm, request), "encrypt"), []);
  assert.deepEqual(codes(ca.certifyEk(tpm, request), "sign"), ["certificate_usage"]);
  const later = new Date("2026-06-02T00:00:00Z");
  assert.deepEqual(codes(ca.certifyAk(tpm, request), "sign", later), ["chain_expired"]);
});

test("FakeGcp names the instance in certificates of both keys", () => {
  const gcp = new FakeGcp();
  const tpm = new FakeTpm();
  // 65535 and 128 need a leading zero in DER, as their first bit is set.
  const instance = { projectNumber: 65_535n, instanceId: 128n, zone: "z", projectId: "p", instanceName: "i" };
  const wanted =
    "30340c017a020300ffff0c0170020200800c0169a020301ea003020100a1030101ffa203010100a303010100a403010100a503010100";
  for (const certificate of [gcp.certifyAk(tpm, instance), gcp.certifyEk(tpm, instance)]) {
    const parsed = parseCertificate(certificate);
    const value = parsed.extensions.find(({ oid }) => oid === GCE_INSTANCE_OID)?.value;
    assert.equal(Buffer.from(value as Uint8Array).toString("hex"), wanted);
    assert.match(parsed.subject.text, /Constellation FAKE, CN=128$/);
  }
  const { extensions } = parseCertificate(gcp.certifyEk(tpm));
  assert.ok(extensions.some(({ oid }) => oid === GCE_INSTANCE_OID));
});
