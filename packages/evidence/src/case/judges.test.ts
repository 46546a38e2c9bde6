import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { judgeCase } from "../case.ts";
import { codesOf, errorOf, readTestCase, type TestCase, withFile } from "../testing/cases.ts";

type Policy = Readonly<Record<string, unknown>>;

const snp = readTestCase("azure/hcl-snp-parse");
const tdx = readTestCase("azure/tdx-trustee-v1");
const log = readTestCase("tpm-eventlogs/rhel8-uefi");
const ccel = readTestCase("tpm-eventlogs/ccel-grub");
const launch = readTestCase("sev-snp/launch-digests");

/** Where the hardware's report is in the paravisor's. */
const REPORT = 32;

function asking(subject: TestCase, policy: Policy): TestCase {
  return { ...subject, case: { ...subject.case, policy } };
}

function malformed(subject: TestCase): string | undefined {
  return errorOf(() => judgeCase(subject))?.code;
}

/** The paravisor's report with other bytes at an offset of the hardware's. */
function hclWith(subject: TestCase, offset: number, ...bytes: readonly number[]): TestCase {
  const report = Uint8Array.from(subject.contents.get("hcl_report") as Uint8Array);
  report.set(bytes, REPORT + offset);
  return withFile(subject, "hcl_report", report);
}

/** A paravisor's report around a TDREPORT, alone. */
function tdxAlone(policy: Policy): TestCase {
  return asking(withFile(snp, "hcl_report", tdx.contents.get("hcl_report") as Uint8Array), policy);
}

describe("a paravisor's report alone", () => {
  const codes = (policy: Policy): string[] => codesOf(judgeCase(asking(snp, policy)));

  test("is refused where its unsigned report of SEV-SNP is not as the case asks", () => {
    const good = { vmpl: 0, allow_debug: false, allow_migrate_ma: false, signing_key: "VCEK", min_tcb: { snp: 1 } };
    assert.deepEqual(codes(good), []);
    assert.deepEqual(codes({ ...good, vmpl: 1 }), ["vmpl"]);
    assert.deepEqual(codes({ ...good, signing_key: "VLEK" }), ["signing_key"]);
    assert.deepEqual(codes({ ...good, measurement: "00".repeat(48) }), ["measurement"]);
    assert.deepEqual(codes({ ...good, host_data: "01".repeat(32) }), ["host_data"]);
    assert.deepEqual(codes({ ...good, min_tcb: { snp: 255 } }), ["reported_tcb_snp"]);
    // Bit 19 of the guest policy.
    const debug = hclWith(snp, 0x0a, 0x0b);
    assert.deepEqual(codesOf(judgeCase(asking(debug, good))), ["policy_debug"]);
    assert.deepEqual(codesOf(judgeCase(asking(debug, {}))), []);
  });

  test("affirms nothing by an unsigned report", () => {
    const { checks } = judgeCase(asking(snp, { vmpl: 0, measurement: "00".repeat(48) }));
    assert.deepEqual(checks.find(({ name }) => name === "report.vmpl")?.speaksFor, "hardware.evidence");
    assert.deepEqual(new Set(checks.map(({ outcome }) => outcome)), new Set(["pass", "fail"]));
    const passed = checks.filter(({ outcome }) => outcome === "pass").map(({ speaksFor }) => speaksFor);
    assert.deepEqual(new Set(passed), new Set(["hardware.evidence"]));
    assert.equal(checks.find(({ name }) => name === "report.measurement")?.speaksFor, "executables.firmware");
  });

  test("is judged by the product line that later reports name", () => {
    const version3 = hclWith(snp, 0, 3);
    const asked = asking(version3, { vmpl: 0 });
    assert.deepEqual(codesOf(judgeCase(asked)), ["cpuid_unknown"]);
    assert.equal(judgeCase(asked).checks.find(({ outcome }) => outcome === "fail")?.name, "report.cpuid");
    assert.deepEqual(codesOf(judgeCase(version3)), []);
    assert.deepEqual(codesOf(judgeCase(hclWith(asked, 0x188, 25, 1))), []);
    assert.deepEqual(codesOf(judgeCase(hclWith(asked, 0, 9))), ["report_version"]);
  });

  test("is refused where its TDREPORT is not as the case asks", () => {
    const good = { allow_debug: false };
    const debug = hclWith(tdxAlone(good), 512, 1);
    assert.deepEqual(codesOf(judgeCase(tdxAlone(good))), []);
    assert.deepEqual(codesOf(judgeCase(debug)), ["td_debug"]);
    for (const name of ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"]) {
      assert.deepEqual(codesOf(judgeCase(tdxAlone({ ...good, [name]: "01".repeat(48) }))), [name]);
    }
  });

  test("is not asked for what the other hardware has, nor for what is malformed", () => {
    assert.equal(malformed(asking(snp, { mrtd: "00".repeat(48) })), "policy_malformed");
    assert.equal(malformed(tdxAlone({ vmpl: 0 })), "policy_malformed");
    const unread = withFile(snp, "hcl_report", new Uint8Array(64));
    assert.equal(malformed(asking(unread, { vmpl: 9 })), "policy_malformed");
    assert.deepEqual(codesOf(judgeCase(asking(unread, { vmpl: 0 }))).slice(0, 1), ["hcl_format"]);
  });
});

test("an Azure machine on TDX is refused where its TDREPORT is of other claims than its quote", () => {
  assert.deepEqual(codesOf(judgeCase(tdx)), []);
  const { checks } = judgeCase(hclWith(tdx, 128, 0));
  assert.deepEqual(
    checks.filter(({ outcome }) => outcome === "fail").map(({ name }) => name),
    ["hcl.tdReport"],
  );
  const other = withFile(tdx, "hcl_report", snp.contents.get("hcl_report") as Uint8Array);
  assert.ok(codesOf(judgeCase(other)).includes("hcl_report_type"));
});

describe("a log", () => {
  type Registers = Record<string, Record<string, string>>;
  const valuesOf = (subject: TestCase): Registers =>
    JSON.parse(Buffer.from(subject.contents.get("pcrs") as Uint8Array).toString()) as Registers;
  const codes = (subject: TestCase, pcrs: unknown): string[] => codesOf(judgeCase(asking(subject, { pcrs })));

  test("leads to the values that the case's policy asks for", () => {
    const value = valuesOf(log)["sha256"]?.["0"] as string;
    const other = "01".repeat(32);
    assert.deepEqual(codes(log, { sha256: { "0": value } }), []);
    assert.deepEqual(codes(log, { "0": value.toUpperCase() }), []);
    assert.deepEqual(codes(log, { sha256: { "0": other } }), ["pcr_mismatch"]);
    assert.deepEqual(codes(log, { sha256: { "0": value }, sha1: { "0": "01".repeat(20) } }), ["pcr_mismatch"]);
    assert.deepEqual(codes(log, { sha256: { "23": other } }), ["pcr_mismatch"]);
    assert.deepEqual(codes(log, { sha512: { "0": "01".repeat(64) } }), ["pcr_mismatch"]);
    assert.deepEqual(codes(ccel, { sha384: { "1": "01".repeat(48) } }), ["pcr_mismatch"]);
    assert.equal(malformed(asking(log, { nonce: "00" })), "policy_malformed");
  });

  test("is refused where values are of a bank that nobody knows", () => {
    const withValues = (values: object): TestCase => withFile(log, "pcrs", utf8(JSON.stringify(values)));
    const upper = { sha256: { "0": `${valuesOf(log)["sha256"]?.["0"]}`.toUpperCase() } };
    assert.deepEqual(codesOf(judgeCase(withValues(upper))), []);
    assert.deepEqual(codesOf(judgeCase(withValues({ ...upper, note: "text" }))), []);
    const unknown = judgeCase(withValues({ ...upper, [`sm3_256${"x".repeat(99)}`]: { "0": "00" } })).checks.at(-1);
    assert.deepEqual([unknown?.outcome === "fail" && unknown.code, unknown?.name.length], ["eventlog_no_bank", 43]);
  });
});

test("launch digests have no policy, and know the CPU models of QEMU and their versions", () => {
  assert.equal(malformed(asking(launch, { measurement: "00".repeat(48) })), "policy_malformed");
  const { vectors } = JSON.parse(Buffer.from(launch.contents.get("vectors") as Uint8Array).toString()) as {
    vectors: readonly { readonly vcpu_type: string }[];
  };
  const first = vectors.find(({ vcpu_type: model }) => model === "EpycV4");
  const codes = (model: string): string[] =>
    codesOf(
      judgeCase(withFile(launch, "vectors", utf8(JSON.stringify({ vectors: [{ ...first, vcpu_type: model }] })))),
    );
  assert.deepEqual(codes("Epyc"), []);
  for (const model of ["EpycGenoaV2", "EpycTurinV1"]) assert.deepEqual(codes(model), ["launch_measurement"], model);
});
