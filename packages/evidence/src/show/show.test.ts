import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { parseHclReport } from "@constellation/hcl";
import { pemToDer } from "@constellation/x509";
import { errorOf, goodCases, readTestCase, type TestCase } from "../testing/cases.ts";
import { plain } from "./plain.ts";
import { showEvidence } from "./show.ts";

const all = goodCases("azure", "gcp-tpm", "nitro", "sev-snp", "tdx", "tpm-eventlogs").map(readTestCase);

const root = all.flatMap(({ roots }) => roots)[0] as string;

function filesOf(role: string, kind?: string): Uint8Array[] {
  const found = all.filter((one: TestCase) => one.contents.has(role) && (kind ?? one.case.kind) === one.case.kind);
  assert.ok(found.length > 0, role);
  return found.map(({ contents }) => contents.get(role) as Uint8Array);
}

describe("showEvidence()", () => {
  for (const [role, kind, format] of [
    ["report", "sev-snp", "AMD SEV-SNP report"],
    ["quote", "tdx", "Intel TDX quote"],
    ["td_quote", "azure-tdx", "Intel TDX quote"],
    ["hcl_report", "azure-sev-snp", "Azure HCL report"],
    ["hcl_report", "azure-tdx", "Azure HCL report"],
    ["tpm_quote_msg", "azure-tdx", "TPMS_ATTEST (TPM quote)"],
    ["quote_sha256_sig", "tpm-quote", "TPMT_SIGNATURE"],
    ["tcb_info", "tdx", "Intel TCB info"],
    ["qe_identity", "tdx", "Intel enclave identity"],
    ["eventlog", "ccel", "event log of a confidential machine"],
    ["document", "nitro", "AWS Nitro attestation document"],
  ] as const) {
    test(`knows a ${role} of ${kind}`, () => {
      for (const file of filesOf(role, kind)) assert.equal(showEvidence(file).format, format);
    });
  }

  test("knows keys, logs of both ages, certificates and CRLs", () => {
    const formats = (role: string, kind?: string): Set<string> =>
      new Set(filesOf(role, kind).map((file) => showEvidence(file).format));
    assert.ok(formats("ak_public", "tpm-quote").has("TPMT_PUBLIC"));
    assert.deepEqual(
      formats("eventlog", "tpm-eventlog"),
      new Set(["TCG event log", "TCG event log of the time before digest banks"]),
    );
    assert.deepEqual(new Set([...formats("pck_crl", "tdx"), ...formats("root_ca_crl", "tdx")]), new Set(["X.509 CRL"]));
    const [chain] = filesOf("ca_chain", "sev-snp") as [Uint8Array];
    assert.equal(showEvidence(chain).format, "PEM");
    assert.equal(showEvidence(pemToDer(root)).format, "X.509 certificate");
    assert.ok(formats("endorsement_cert", "sev-snp").has("X.509 certificate"));
  });

  test("knows a table of certificates", () => {
    const certificate = pemToDer(root);
    const table = new Uint8Array(48 + certificate.length);
    table.set(Buffer.from("63da758de6644564adc5f4b93be8accd", "hex"));
    new DataView(table.buffer).setUint32(16, 48, true);
    new DataView(table.buffer).setUint32(20, certificate.length, true);
    table.set(certificate, 48);
    assert.equal(showEvidence(table).format, "SEV-SNP certificate table");
  });

  test("refuses what it does not know, with the reasons", () => {
    for (const bytes of [
      new Uint8Array(),
      Uint8Array.of(0x84),
      Uint8Array.of(0xd2, 0x84),
      Uint8Array.of(0x30),
      utf8("{}"),
      utf8("HCLA"),
      utf8("-----BEGIN X"),
      Uint8Array.of(0xff, 0x54, 0x43, 0x47),
      Uint8Array.of(4, 0, 2, 0, 0x81, 0, 0, 0),
      Uint8Array.of(0, 1),
      Uint8Array.of(0, 0x14),
    ]) {
      const error = errorOf(() => showEvidence(bytes));
      assert.equal(error?.code, "format_unknown");
      assert.match(error.message, new RegExp(`got ${bytes.length} bytes of no known format: no `));
    }
  });

  test("shows a version 2 report, which does not tell its CPU, and one of a CPU that nobody knows", () => {
    const reports = filesOf("report", "sev-snp");
    const second = reports.find(([version]) => version === 2);
    const third = reports.find(([version]) => version !== 2);
    assert.ok(second && third, "reports of versions 2 and 3");
    assert.equal(showEvidence(second).format, "AMD SEV-SNP report");
    const unknown = Uint8Array.from(third);
    unknown[0x188] = 0xff;
    assert.equal(showEvidence(unknown).format, "AMD SEV-SNP report");
  });
});

test("plain() turns structures into what JSON can hold", () => {
  const [hcl] = filesOf("hcl_report", "azure-sev-snp") as [Uint8Array];
  assert.equal(typeof plain(parseHclReport(hcl)), "object");
  const shown = plain({
    text: "a",
    flag: true,
    number: 1.5,
    endless: Number.POSITIVE_INFINITY,
    big: 255n,
    negative: -1n,
    bytes: Uint8Array.of(1, 255),
    time: new Date(0),
    never: new Date(Number.NaN),
    list: [1, null],
    map: new Map<unknown, unknown>([[1, "b"]]),
    left: undefined,
    der: Uint8Array.of(1),
    call: () => 1,
  });
  assert.deepEqual(shown, {
    text: "a",
    flag: true,
    number: 1.5,
    endless: null,
    big: "0xff",
    negative: "-1",
    bytes: "01ff",
    time: "1970-01-01T00:00:00.000Z",
    never: null,
    list: [1, null],
    map: { "1": "b" },
    call: null,
  });
});
