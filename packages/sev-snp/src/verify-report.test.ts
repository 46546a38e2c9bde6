import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@constellation/bytes";
import { parseCertificate } from "@constellation/x509";
import fc from "fast-check";
import { FakeAmd, wrappedHwId } from "./testing/fake-amd.ts";
import { type GenuineChanges, genuine, NOW } from "./testing/genuine.ts";
import { reportFields } from "./testing/report-writer.ts";
import { VERIFY_CHECKS, type VerifyReportInput, verifyReport } from "./verify-report.ts";

const milan = new FakeAmd("Milan");
const genoa = new FakeAmd("Genoa");
const turin = new FakeAmd("Turin");
const tcb = reportFields("Milan").reportedTcb;

/** Names and codes of the checks that fail, after a look that all are told and in order. */
function failures(input: VerifyReportInput): string[] {
  const { genuine: isGenuine, checks } = verifyReport(input);
  assert.deepEqual(
    checks.map(({ name }) => name),
    VERIFY_CHECKS,
  );
  const failed = checks.flatMap((check) => (check.outcome === "fail" ? [`${check.name}: ${check.code}`] : []));
  assert.equal(isGenuine, failed.length === 0);
  return failed;
}

const failuresOf = (changes: GenuineChanges, amd = milan) => failures(genuine(amd, changes));

test("verifyReport() accepts reports of every product line under a VCEK or VLEK", () => {
  for (const amd of [milan, genoa, turin]) {
    for (const signer of ["VCEK", "VLEK"] as const) {
      const input = genuine(amd, { signer });
      assert.deepEqual(failures(input), []);
      const verified = verifyReport(input);
      assert.ok(verified.genuine);
      assert.equal(verified.endorsement.kind, signer);
      assert.equal(verified.endorsement.product, amd.product);
      assert.equal(hex(verified.report.measurement), "3e".repeat(48));
      assert.equal(verified.chain.length, 3);
    }
  }
});

test("verifyReport() accepts versions 2 and 3", () => {
  assert.deepEqual(failuresOf({ report: { version: 2 } }), []);
  assert.deepEqual(failuresOf({ report: { version: 3 } }), []);
  assert.deepEqual(failuresOf({ report: { version: 2 } }, turin), []);
});

test("verifyReport() tells every check with what it found", () => {
  const { checks } = verifyReport(genuine(milan));
  const got = Object.fromEntries(checks.map((check) => [check.name, check.got]));
  assert.equal(got["report"], "version 5");
  assert.equal(got["endorsementCert"], "VCEK of Milan");
  assert.match(got["caChain"] ?? "", /CN=SEV-VCEK; .*CN=SEV-Milan; .*CN=ARK-Milan/);
  assert.equal(got["caChain.issuers"], "SEV-Milan, ARK-Milan");
  assert.equal(got["endorsementCert.tcb"], "04000000000018db (bootLoader 4, tee 0, snp 24, microcode 219)");
  assert.equal(got["endorsementCert.productName"], "family 0x19, model 0x1");
  for (const { name, speaksFor } of checks) assert.equal(speaksFor, "hardware.genuine", name);
});

test("verifyReport() says what it got and wanted", () => {
  const shown = (changes: GenuineChanges, name: string) => {
    const found = verifyReport(genuine(milan, changes)).checks.find((check) => check.name === name);
    return [found?.got, found?.wanted];
  };
  assert.deepEqual(shown({ report: { signatureAlgo: 2 } }, "report.signatureAlgo"), ["2", "1"]);
  const masked = { keyInfo: 0b00010 };
  assert.deepEqual(shown({ report: masked }, "report.maskChipKey"), ["true", "false"]);
  const maskedVlek = { signer: "VLEK", report: { keyInfo: 0b00110 } } as const;
  assert.deepEqual(shown(maskedVlek, "report.maskChipKey"), ["true", "any, with a VLEK"]);
});

test("verifyReport() gives no report that is not genuine", () => {
  const verified = verifyReport(genuine(milan, { report: { signatureAlgo: 2 } }));
  assert.equal(verified.genuine, false);
  assert.equal("report" in verified, false);
});

test("verifyReport() refuses bytes that are no report, and still judges the certificates", () => {
  const notChecked = VERIFY_CHECKS.slice(5).map((name) => `${name}: not_checked`);
  assert.deepEqual(failuresOf({ input: { report: new Uint8Array(0) } }), ["report: report_length", ...notChecked]);
  assert.deepEqual(failuresOf({ report: { version: 4 } }), ["report: report_version", ...notChecked]);
  assert.deepEqual(failuresOf({ report: { policy: 0n } }), ["report: report_reserved", ...notChecked]);
});

test("verifyReport() refuses bytes that are no certificate", () => {
  const notChecked = VERIFY_CHECKS.filter(
    (name) => !["report", "endorsementCert", "report.signatureAlgo"].includes(name),
  );
  assert.deepEqual(failuresOf({ input: { endorsementCert: new Uint8Array(3) } }), [
    "endorsementCert: endorsement_cert_malformed",
    ...notChecked.map((name) => `${name}: not_checked`),
  ]);
});

test("verifyReport() refuses a certificate that is no VCEK or VLEK", () => {
  const [first] = failuresOf({ endorsement: { productName: "Venice" } });
  assert.equal(first, "endorsementCert: endorsement_cert_profile");
  assert.equal(failuresOf({ input: { endorsementCert: milan.ask } })[0], "endorsementCert: endorsement_cert_profile");
});

const NO_CHAIN = ["caChain.issuers: not_checked", "caChain.revocation: not_checked"];

test("verifyReport() refuses an endorsement certificate without a chain to a root", () => {
  const without = (input: Partial<VerifyReportInput>) => failuresOf({ input });
  assert.deepEqual(without({ roots: [] }), ["caChain: ca_chain_issuer_unknown", ...NO_CHAIN]);
  assert.deepEqual(without({ caChain: [] }), ["caChain: ca_chain_issuer_unknown", ...NO_CHAIN]);
  assert.deepEqual(without({ caChain: [genoa.ask] }), ["caChain: ca_chain_issuer_unknown", ...NO_CHAIN]);
  assert.deepEqual(without({ caChain: [new Uint8Array(2)] }), ["caChain: ca_chain_malformed", ...NO_CHAIN]);
  const other = new FakeAmd("Milan");
  assert.deepEqual(without({ caChain: [other.ask] }), ["caChain: ca_chain_signature", ...NO_CHAIN]);
  assert.deepEqual(without({ roots: genuine(other).roots }), ["caChain: ca_chain_signature", ...NO_CHAIN]);
  assert.deepEqual(without({ roots: genuine(other).roots, caChain: [milan.ask, milan.ark] }), [
    "caChain: ca_chain_signature",
    ...NO_CHAIN,
  ]);
});

test("verifyReport() finds the ARK where the ASK is pinned beside it, and trusts no ASK alone", () => {
  const [ark] = genuine(milan).roots;
  assert.ok(ark);
  const ask = parseCertificate(milan.ask);
  assert.deepEqual(failuresOf({ input: { roots: [ask, ark] } }), []);
  assert.deepEqual(failuresOf({ input: { roots: [ask] } }), ["caChain: ca_chain_issuer_unknown", ...NO_CHAIN]);
});

test("verifyReport() takes an ARK beside the ASK, and no more than eight certificates", () => {
  assert.deepEqual(failuresOf({ input: { caChain: [milan.ask, milan.ark] } }), []);
  assert.deepEqual(failuresOf({ input: { caChain: Array(8).fill(milan.ask) } }), []);
  assert.deepEqual(failuresOf({ input: { caChain: Array(9).fill(milan.ask) } }), [
    "caChain: ca_chain_too_many_attempts",
    ...NO_CHAIN,
  ]);
});

test("verifyReport() refuses at a time when a certificate is not valid", () => {
  const at = (time: string) => failuresOf({ input: { now: new Date(time) } });
  assert.deepEqual(at("2023-12-31T23:59:59Z"), ["caChain: ca_chain_not_yet_valid", ...NO_CHAIN]);
  assert.deepEqual(at("2031-01-01T00:00:01Z"), ["caChain: ca_chain_expired", ...NO_CHAIN]);
  assert.deepEqual(at("not a time"), ["caChain: ca_chain_clock", ...NO_CHAIN]);
  const notAfter = new Date("2049-01-01T00:00:00Z");
  const longer = { endorsement: { notAfter }, input: { now: new Date("2045-10-22T17:23:06Z") } };
  assert.deepEqual(failuresOf(longer), ["caChain: ca_chain_expired", ...NO_CHAIN]);
});

test("verifyReport() refuses an ARK whose own signature does not hold", () => {
  const [ark] = genuine(milan).roots;
  assert.ok(ark);
  const signature = Uint8Array.from(ark.signature);
  signature[9] = (signature[9] as number) ^ 1;
  assert.deepEqual(failuresOf({ input: { roots: [{ ...ark, signature }] } }), [
    "caChain: ca_chain_signature",
    ...NO_CHAIN,
  ]);
});

test("verifyReport() refuses a VCEK under an ASVK and a VLEK under an ASK", () => {
  const crossed = (signer: "VCEK" | "VLEK", issuer: "ASK" | "ASVK", caChain: readonly Uint8Array[]) =>
    failuresOf({ signer, endorsement: { issuer }, input: { caChain } });
  assert.deepEqual(crossed("VCEK", "ASVK", [milan.asvk]), ["caChain.issuers: ca_chain_profile"]);
  assert.deepEqual(crossed("VLEK", "ASK", [milan.ask]), ["caChain.issuers: ca_chain_profile"]);
});

test("verifyReport() refuses a VCEK that the ARK issued itself", () => {
  const direct = failuresOf({ endorsement: { issuer: "ARK" }, input: { caChain: [] } });
  assert.deepEqual(direct, ["caChain.issuers: ca_chain_profile"]);
});

test("verifyReport() refuses a VCEK of another product line than its issuers", () => {
  const failed = failuresOf({ endorsement: { productName: "Genoa-B1" } });
  assert.deepEqual(failed, ["caChain.issuers: ca_chain_profile", "endorsementCert.productName: cpuid_mismatch"]);
});

test("verifyReport() refuses a report that says another SIGNING_KEY than the certificate", () => {
  assert.deepEqual(failuresOf({ report: { keyInfo: 0b00100 } }), ["endorsementCert.kind: signing_key_mismatch"]);
  assert.deepEqual(failuresOf({ signer: "VLEK", report: { keyInfo: 0 } }), [
    "endorsementCert.kind: signing_key_mismatch",
  ]);
  assert.deepEqual(failuresOf({ report: { keyInfo: 0b11100 } }), ["endorsementCert.kind: signing_key_none"]);
});

test("verifyReport() refuses MASK_CHIP_KEY but for a VLEK", () => {
  assert.deepEqual(failuresOf({ report: { keyInfo: 0b00010 } }), ["report.maskChipKey: mask_chip_key"]);
  assert.deepEqual(failuresOf({ signer: "VLEK", report: { keyInfo: 0b00110 } }), []);
});

test("verifyReport() refuses another SIGNATURE_ALGO than 1", () => {
  for (const signatureAlgo of [0, 2, 0x101]) {
    assert.deepEqual(failuresOf({ report: { signatureAlgo } }), ["report.signatureAlgo: signature_algo"]);
  }
});

test("verifyReport() refuses a report of a CPU of another product line", () => {
  for (const cpuid of [
    { famId: 0x19, modId: 0x11, step: 1 },
    { famId: 0x1a, modId: 0x02, step: 1 },
    { famId: 0x1a, modId: 0x50, step: 0 },
    { famId: 0, modId: 0, step: 0 },
  ]) {
    assert.deepEqual(failuresOf({ report: { cpuid } }), ["endorsementCert.productName: cpuid_mismatch"]);
  }
});

test("verifyReport() refuses a REPORTED_TCB that differs from the certificate in any byte", () => {
  for (const amd of [milan, turin]) {
    const { reportedTcb } = reportFields(amd.product);
    for (let index = 0; index < 8; index++) {
      const other = Uint8Array.from(reportedTcb);
      other[index] = (other[index] as number) ^ 1;
      assert.deepEqual(failuresOf({ report: { reportedTcb: other } }, amd), [
        "endorsementCert.tcb: reported_tcb_mismatch",
      ]);
      assert.deepEqual(failuresOf({ endorsement: { tcb: other } }, amd), [
        "endorsementCert.tcb: reported_tcb_mismatch",
      ]);
    }
  }
});

test("verifyReport() leaves the other TCB versions to the policy", () => {
  const other = Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9);
  assert.deepEqual(failuresOf({ report: { currentTcb: other, committedTcb: other, launchTcb: other } }), []);
});

test("verifyReport() refuses a VCEK of another chip", () => {
  const chipId = Uint8Array.from(reportFields("Milan").chipId);
  chipId[63] = 1;
  assert.deepEqual(failuresOf({ report: { chipId } }), ["endorsementCert.hwId: chip_id_mismatch"]);
  assert.deepEqual(failuresOf({ endorsement: { extensions: wrappedHwId(reportFields("Milan").chipId) } }), []);
});

test("verifyReport() wants zeros after the HWID on Turin", () => {
  const chipId = Uint8Array.from(reportFields("Turin").chipId);
  chipId[8] = 1;
  assert.deepEqual(failuresOf({ report: { chipId } }, turin), ["endorsementCert.hwId: chip_id_mismatch"]);
});

test("verifyReport() takes a masked CHIP_ID, and any CHIP_ID under a VLEK", () => {
  assert.deepEqual(failuresOf({ report: { chipId: new Uint8Array(64) } }), []);
  assert.deepEqual(failuresOf({ signer: "VLEK", report: { chipId: new Uint8Array(64).fill(5) } }), []);
});

test("verifyReport() refuses a signature by another key or over other bytes", () => {
  const other = milan.issueVcek({ tcb });
  assert.deepEqual(failuresOf({ signingKey: other }), ["report.signature: signature_mismatch"]);
  const input = genuine(milan);
  const report = Uint8Array.from(input.report);
  report[0x90] = 0;
  assert.deepEqual(failures({ ...input, report }), ["report.signature: signature_mismatch"]);
});

test("verifyReport() refuses a signature that is not in the range of the curve", () => {
  const input = genuine(milan);
  const report = Uint8Array.from(input.report).fill(0, 0x2a0);
  assert.deepEqual(failures({ ...input, report }), ["report.signature: signature_encoding"]);
});

test("verifyReport() tells who accepted that revocation is not checked", () => {
  const reason = "no network";
  const { checks } = verifyReport(genuine(milan, { input: { revocation: { kind: "unchecked", reason } } }));
  assert.deepEqual(
    checks.find(({ name }) => name === "caChain.revocation"),
    { name: "caChain.revocation", outcome: "accepted-by-choice", speaksFor: "hardware.genuine", wanted: "any", reason },
  );
});

test("verifyReport() never throws for bad evidence", () => {
  const input = genuine(milan);
  const crl = milan.issueCrl([1, 2, 3]);
  const change = fc.record({ offset: fc.nat(0x4a0), bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }) });
  const spoil = (bytes: Uint8Array, { offset, bytes: others }: { offset: number; bytes: Uint8Array }) => {
    const spoiled = Uint8Array.from(bytes);
    spoiled.set(others.subarray(0, Math.max(0, spoiled.length - offset)), Math.min(offset, spoiled.length));
    return spoiled;
  };
  fc.assert(
    fc.property(change, change, change, change, (report, leaf, issuer, list) => {
      verifyReport({ ...input, report: spoil(input.report, report) });
      verifyReport({ ...input, endorsementCert: spoil(input.endorsementCert, leaf) });
      verifyReport({ ...input, caChain: [spoil(milan.ask, issuer)] });
      verifyReport({ ...input, revocation: { kind: "crls", crls: [spoil(crl, list)] } });
      verifyReport({ ...input, report: leaf.bytes, endorsementCert: report.bytes, caChain: [list.bytes] });
    }),
    { numRuns: 40 },
  );
});

test("verifyReport() lets errors of the caller through", () => {
  const input = genuine(milan);
  assert.throws(() => verifyReport({ ...input, report: undefined as never }), TypeError);
  assert.throws(() => verifyReport({ ...input, endorsementCert: undefined as never }), TypeError);
  assert.throws(() => verifyReport({ ...input, now: NOW, roots: [undefined as never] }), TypeError);
});
