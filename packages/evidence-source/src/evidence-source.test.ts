import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  appraise,
  type Evidence,
  parseEvidence,
  type PlatformPolicy,
  type PlatformVariant,
  PLATFORM_VARIANTS,
} from "@constellation/attestation";
import { utf8 } from "@constellation/bytes";
import { openReportPolicy } from "@constellation/sev-snp";
import { genuine, NOW, reportFields } from "@constellation/sev-snp/testing";
import { openQuotePolicy } from "@constellation/tdx";
import { FAKE_NOW } from "@constellation/tdx/testing";
import { derToPem, parseCertificate } from "@constellation/x509";
import { FakeHost } from "./testing/fake-host.ts";
import { amd, certificateTable, GUID, intel, snpHost, tdxHost } from "./testing/hardware.ts";
import { refusal } from "./testing/refusal.ts";
import { DATA, fakeSource, issued as issuedBy } from "./testing/sources.ts";
import { CC_EVENT_LOG } from "./tpm/event-log.ts";
import { TSM_REPORTS } from "./tsm/tsm-report.ts";

const signal = new AbortController().signal;
const ANY = { kind: "any", reason: "test" } as const;

const source = (variant: PlatformVariant, host: FakeHost) => fakeSource(variant, { host });
const issued = <V extends PlatformVariant>(variant: V, host: FakeHost) => issuedBy(variant, { host });

describe("createEvidenceSource() on one's own hosts", () => {
  test("sev-snp: issues evidence with what the host hands out, which a verifier accepts", async () => {
    const host = snpHost(({ endorsementCert, caChain }) => ({
      ARK: amd.ark,
      ASK: utf8(derToPem(caChain[0] as Uint8Array)),
      VCEK: endorsementCert,
      VLEK: new Uint8Array(),
      CRL: amd.issueCrl([]),
    }));
    const bytes = await source("sev-snp", host).issue(DATA, signal);
    const { reportData: _, ...report } = openReportPolicy(ANY);
    const policy: PlatformPolicy = {
      variant: "sev-snp",
      machines: ANY,
      sevSnp: {
        roots: [parseCertificate(amd.ark)],
        revocation: { kind: "required", thisUpdate: ANY },
        cspId: ANY,
        report,
      },
    };
    const verdict = appraise(bytes, policy, { reportData: DATA, now: NOW });
    assert.equal(verdict.accepted, true, JSON.stringify(verdict.checks));
    assert.equal(appraise(bytes, policy, { reportData: DATA.toReversed(), now: NOW }).accepted, false);
    assert.equal(host.entries.size, 0);
  });

  test("sev-snp: takes the certificate of the key that signed the report", async () => {
    const host = snpHost(({ endorsementCert }) => ({ VCEK: Uint8Array.of(0x30), VLEK: endorsementCert }), "VLEK");
    const { sevSnp } = await issued("sev-snp", host);
    assert.ok(sevSnp.endorsementCert.length > 100);
    assert.deepEqual([sevSnp.caChain, sevSnp.crls], [[], []]);
  });

  test("sev-snp: leaves endorsements empty where the host hands out none", async () => {
    for (const host of [snpHost(), snpHost(() => ({}))]) {
      const { sevSnp } = await issued("sev-snp", host);
      assert.equal(sevSnp.report.length, 1184);
      assert.deepEqual([sevSnp.endorsementCert, sevSnp.caChain, sevSnp.crls], [new Uint8Array(), [], []]);
    }
  });

  const table = (auxblob: Uint8Array): FakeHost => {
    const host = snpHost();
    const { report } = genuine(amd, { report: { reportData: DATA } });
    host.tsm = { provider: "sev_guest", report: () => ({ outblob: report, auxblob }) };
    return host;
  };
  const refusedBlobs: [string, FakeHost, RegExp][] = [
    ["a table that is cut off", table(Uint8Array.of(1)), /Read certificates of the host failed/],
    ["text that is no certificate", table(certificateTable([[GUID.VCEK, utf8("x")]])), /Read PEM failed/],
    ["bytes that are no certificate", table(certificateTable([[GUID.VCEK, Uint8Array.of(0xff)]])), /UTF-8/],
  ];
  for (const [title, host, message] of refusedBlobs) {
    test(`sev-snp: refuses ${title}`, async () => {
      await assert.rejects(source("sev-snp", host).issue(DATA, signal), refusal("blob_malformed", message));
    });
  }

  test("sev-snp: refuses a report that is cut off, or for other report data", async () => {
    const host = snpHost();
    const { report } = genuine(amd, { report: { reportData: reportFields("Genoa").reportData } });
    host.tsm = { provider: "sev_guest", report: () => ({ outblob: report }) };
    await assert.rejects(source("sev-snp", host).issue(DATA, signal), refusal("blob_malformed", /other report data/));
    host.tsm = { provider: "sev_guest", report: () => ({ outblob: report.subarray(0, 1183) }) };
    await assert.rejects(source("sev-snp", host).issue(DATA, signal), refusal("blob_malformed", /1183/));
    host.tsm = { provider: "sev_guest", report: () => ({ outblob: new Uint8Array() }) };
    await assert.rejects(source("sev-snp", host).issue(DATA, signal), refusal("blob_malformed"));
  });

  test("sev-snp: refuses evidence that no verifier would read", async () => {
    const large = Uint8Array.of(0x30, ...new Uint8Array(8 * 1024));
    await assert.rejects(
      source(
        "sev-snp",
        snpHost(() => ({ VCEK: large })),
      ).issue(DATA, signal),
      refusal("evidence", /endorsementCert: got/),
    );
  });

  test("tdx: issues evidence that a verifier accepts, with the log of the boot", async () => {
    const host = tdxHost();
    const bytes = await source("tdx", host).issue(DATA, signal);
    const { REPORTDATA: _, ...quote } = openQuotePolicy(ANY);
    const roots = [intel.root.certificate];
    const policy: PlatformPolicy = { variant: "tdx", machines: ANY, tdx: { roots, collateral: ANY, ccel: ANY, quote } };
    const verdict = appraise(bytes, policy, { reportData: DATA, now: FAKE_NOW });
    assert.equal(verdict.accepted, true, JSON.stringify(verdict.checks));
    const { tdx } = await issued("tdx", host.with({ [CC_EVENT_LOG]: "log" }));
    assert.deepEqual([tdx.collateral, tdx.ccel], [undefined, utf8("log")]);
  });

  test("tdx: refuses a quote that is cut off, or for other report data", async () => {
    const host = tdxHost();
    const quote = intel.quote();
    host.tsm = { provider: "tdx_guest", report: () => ({ outblob: quote }) };
    await assert.rejects(source("tdx", host).issue(DATA, signal), refusal("blob_malformed", /other report data/));
    host.tsm = { provider: "tdx_guest", report: () => ({ outblob: quote.subarray(0, 700) }) };
    await assert.rejects(source("tdx", host).issue(DATA, signal), refusal("blob_malformed", /Read TD quote failed/));
  });

  test("refuses hardware of another kind, and a machine without any", async () => {
    await assert.rejects(source("tdx", snpHost()).issue(DATA, signal), refusal("provider", /got "sev_guest"/));
    await assert.rejects(source("sev-snp", new FakeHost()).issue(DATA, signal), refusal("device_missing"));
  });

  test("refuses report data of another length before it asks the machine", async () => {
    for (const variant of PLATFORM_VARIANTS) {
      const host = new FakeHost();
      await assert.rejects(
        source(variant, host).issue(new Uint8Array(32), signal),
        refusal("report_data", /got report data of 32 bytes, wanted 64/),
      );
      assert.deepEqual(host.calls, []);
    }
  });

  test("answers several askers one after the other, each with their own", async () => {
    const host = snpHost();
    const { issue } = source("sev-snp", host);
    const datas = [1, 2, 3].map((value) => new Uint8Array(64).fill(value));
    const all = await Promise.all(datas.map((data) => issue(data, signal)));
    const reportDatas = all.map((bytes) => {
      const { sevSnp } = parseEvidence(bytes) as Extract<Evidence, { variant: "sev-snp" }>;
      return sevSnp.report.slice(0x50, 0x90);
    });
    assert.deepEqual(reportDatas, datas);
    assert.equal(host.calls.filter((call) => call === `makeDirectory ${TSM_REPORTS}/test`).length, 3);
  });

  test("ends with the caller's signal", async () => {
    const { issue } = source("sev-snp", snpHost());
    await assert.rejects(issue(DATA, AbortSignal.abort()), { name: "AbortError" });
  });

  test("refuses a TPM that is not there", async () => {
    for (const variant of ["aws-nitro-tpm", "azure-tdx", "azure-trusted-launch", "gcp-sev-es"] as const) {
      await assert.rejects(source(variant, new FakeHost()).issue(DATA, signal), refusal("device_missing", /a TPM/));
    }
  });
});
