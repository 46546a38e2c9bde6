import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import {
  appraise,
  type Evidence,
  parseEvidence,
  type PlatformPolicy,
  type PlatformVariant,
  PLATFORM_VARIANTS,
} from "@constellation/attestation";
import { base64, concat, fromHex, utf8 } from "@constellation/bytes";
import { FakeAmd, genuine, NOW, openPolicy as openSevSnpPolicy, reportFields } from "@constellation/sev-snp/testing";
import { FAKE_NOW, FakeIntel, openPolicy as openTdxPolicy } from "@constellation/tdx/testing";
import { findSwtpm } from "@constellation/testkit";
import { fakeEventLog } from "@constellation/testkit/fake-tpm";
import { derToPem, pemToDer } from "@constellation/x509";
import { createEvidenceSource, type EvidenceSource } from "./evidence-source.ts";
import { createDirectFetch } from "./system/fetch.ts";
import type { SourceDependencies } from "./system/dependencies.ts";
import { nsmResponse } from "./testing/cbor.ts";
import { CloudTpm } from "./testing/cloud-tpm.ts";
import { FakeClock } from "./testing/fake-clock.ts";
import { FakeHost, systemError } from "./testing/fake-host.ts";
import { FakeMetadata, json, status } from "./testing/fake-metadata.ts";
import type { FakeNv } from "./testing/fake-nv.ts";
import { refusal } from "./testing/refusal.ts";
import { CC_EVENT_LOG, TPM_EVENT_LOG } from "./tpm/event-log.ts";
import { HCL_REPORT_NV } from "./tpm/hcl.ts";
import { TSM_REPORTS } from "./tsm/tsm-report.ts";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? join(import.meta.dirname, "../../../../shared/vectors");
const read = (path: string) => new Uint8Array(readFileSync(join(VECTORS, path)));

const SNP_CASE = "azure/snp-milan-v3-trustee-v1";
const TDX_CASE = "azure/tdx-trustee-v1";
const THIM = "/metadata/THIM/amd/certification";

const signal = new AbortController().signal;
const DATA = Uint8Array.from({ length: 64 }, (_, index) => index);
const ANY = { kind: "any", reason: "test" } as const;

const amd = new FakeAmd("Genoa");
const intel = await FakeIntel.create();
const metadata = await FakeMetadata.start();
after(() => metadata.close());
afterEach(() => {
  metadata.scripts.clear();
  metadata.questions.length = 0;
});

type Source = EvidenceSource & { readonly clock: FakeClock };

function source(variant: PlatformVariant, host: FakeHost, nv?: FakeNv, timeoutMs = 60_000): Source {
  const clock = new FakeClock();
  const dependencies: SourceDependencies = {
    files: host,
    openTpm: async () => {
      if (nv === undefined) throw systemError("ENOENT");
      return nv;
    },
    fetch: createDirectFetch(),
    clock,
  };
  const options = { origin: metadata.origin, timeoutMs, maxAttempts: 2 };
  return { ...createEvidenceSource(variant, { reportEntry: "test", metadata: options }, dependencies), clock };
}

async function issued<V extends PlatformVariant>(variant: V, host: FakeHost, nv?: FakeNv) {
  const evidence = parseEvidence(await source(variant, host, nv).issue(DATA, signal));
  assert.equal(evidence.variant, variant);
  return evidence as Extract<Evidence, { variant: V }>;
}

/** A certificate table (AMD 56421 section 4.1.8.1). */
function certificateTable(entries: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const u32 = (value: number) => Uint8Array.of(value, value >> 8, value >> 16, value >> 24);
  let offset = 24 * (entries.length + 1);
  const headers = entries.map(([guid, data]) => {
    const header = concat(fromHex(guid), u32(offset), u32(data.length));
    offset += data.length;
    return header;
  });
  return concat(...headers, new Uint8Array(24), ...entries.map(([, data]) => data));
}

const GUID = {
  ARK: "c0b406a4a803495297433fb6014cd0ae",
  ASK: "4ab7b379bbac4fe4a02f05aef327c782",
  VCEK: "63da758de6644564adc5f4b93be8accd",
  VLEK: "a8074bc2a25a483eaae639c045a0b8a1",
  CRL: "92f81bc358114d3d97ffd19f88dc67ea",
} as const;

type Table = Partial<Record<keyof typeof GUID, Uint8Array>>;

/** An SEV-SNP guest; by default its host hands out nothing. */
function snpHost(table?: (given: ReturnType<typeof genuine>) => Table, signer: "VCEK" | "VLEK" = "VCEK"): FakeHost {
  const host = new FakeHost();
  host.tsm = {
    provider: "sev_guest",
    report: (inblob) => {
      const given = genuine(amd, { signer, report: { reportData: inblob } });
      const rows = Object.entries(table?.(given) ?? {}).map(([role, data]) => [GUID[role as "ARK"], data] as const);
      return { outblob: given.report, ...(table && { auxblob: certificateTable(rows) }) };
    },
  };
  return host;
}

function tdxHost(): FakeHost {
  const host = new FakeHost();
  host.tsm = {
    provider: "tdx_guest",
    report: (REPORTDATA) => ({ outblob: intel.quote({ body: { REPORTDATA }, paddingBytes: 100 }) }),
  };
  return host;
}

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
    const { reportData: _, ...report } = openSevSnpPolicy("test");
    const policy: PlatformPolicy = {
      variant: "sev-snp",
      sevSnp: { roots: [derToPem(amd.ark)], revocation: { kind: "required" }, report },
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
    const { REPORTDATA: _, ...quote } = openTdxPolicy("test");
    const roots = [intel.root.pem];
    const policy: PlatformPolicy = { variant: "tdx", tdx: { roots, collateral: ANY, ccel: ANY, quote } };
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

const skip = findSwtpm() === undefined ? "no swtpm on this machine" : false;

describe("createEvidenceSource() on clouds, with a real software TPM", { skip }, () => {
  let cloud: CloudTpm;
  before(async () => {
    cloud = await CloudTpm.start();
  });
  after(() => cloud.stop());

  function thim(): void {
    const vcekCert = derToPem(read(`${SNP_CASE}/vcek.der`));
    const [ask, ark] = [`${SNP_CASE}/ask.pem`, "trust-roots/amd/ark_milan.pem"].map((path) => Buffer.from(read(path)));
    metadata.scripts.set(THIM, [json({ vcekCert, certificateChain: `${String(ask)}${String(ark)}` })]);
  }

  function tdQuote(quote: Uint8Array): void {
    metadata.scripts.set("/acc/tdquote", [json({ quote: base64(quote).replaceAll("+", "-").replaceAll("/", "_") })]);
  }

  const hcl = async (id: string) => {
    const nv = await cloud.provisionAzure(cloud.withoutNv());
    return nv.store(HCL_REPORT_NV, read(`${id}/hcl_report.bin`));
  };

  test("gcp-sev-es: issues evidence that a verifier accepts, with the log of the boot", async () => {
    const nv = await cloud.provisionGcp(cloud.withoutNv());
    const host = new FakeHost();
    const gcp = source("gcp-sev-es", host, nv);
    const bytes = await gcp.issue(DATA, signal);
    const sha256 = new Map(Array.from({ length: 16 }, (_, index) => [index, ANY]));
    const policy: PlatformPolicy = {
      variant: "gcp-sev-es",
      vtpm: {
        akCertificate: { kind: "required", roots: [cloud.ca.certificatePem] },
        pcrs: { sha256, sha384: new Map(), sha512: new Map() },
        eventLog: ANY,
      },
    };
    const verdict = appraise(bytes, policy, { reportData: DATA, now: NOW });
    assert.equal(verdict.accepted, true, JSON.stringify(verdict.checks));
    const commands = nv.commands.length;
    const log = fakeEventLog().bytes;
    host.with({ [TPM_EVENT_LOG]: log });
    const again = parseEvidence(await gcp.issue(DATA, signal)) as Extract<Evidence, { variant: "gcp-sev-es" }>;
    assert.deepEqual(again.vtpm.eventLog, log);
    assert.deepEqual(again.vtpm.akCertificate.issuers, []);
    assert.ok(!nv.commands.slice(commands).includes(0x131), "the key is made once");
    const { akPublic } = again.vtpm;
    await cloud.tpm.flushContext(0x80000000);
    assert.ok(akPublic.length > 80);
  });

  test("gcp-sev-snp and gcp-tdx: issue evidence of hardware and TPM", async () => {
    const nv = await cloud.provisionGcp(cloud.withoutNv());
    const snp = await issued("gcp-sev-snp", snpHost(), nv);
    assert.deepEqual(snp.sevSnp.report.slice(0x50, 0x90), DATA);
    assert.equal(snp.vtpm.pcrs.size, 16);
    await cloud.tpm.flushContext(0x80000000);
    const tdx = await issued("gcp-tdx", tdxHost(), nv);
    assert.deepEqual(tdx.vtpm.akPublic, snp.vtpm.akPublic);
    assert.ok(tdx.tdx.quote.length > 1000);
    await cloud.tpm.flushContext(0x80000000);
  });

  test("azure-trusted-launch: issues evidence with the persistent key", async () => {
    const { vtpm } = await issued(
      "azure-trusted-launch",
      new FakeHost(),
      await cloud.provisionAzure(cloud.withoutNv()),
    );
    assert.equal(vtpm.pcrs.size, 16);
    assert.equal(vtpm.eventLog, undefined);
  });

  test("aws-nitro-tpm and aws-sev-snp: issue evidence with the document", async () => {
    const document = read("nitro/enclave-1/document.cbor");
    const nv = cloud.withoutNv();
    nv.nsm = () => nsmResponse(document);
    assert.deepEqual((await issued("aws-nitro-tpm", new FakeHost(), nv)).nitroTpm, { document });
    const both = await issued("aws-sev-snp", snpHost(), nv);
    assert.deepEqual(both.nitroTpm, { document });
    assert.deepEqual(both.sevSnp.report.slice(0x50, 0x90), DATA);
    nv.nsm = undefined;
    await assert.rejects(
      source("aws-nitro-tpm", new FakeHost(), nv).issue(DATA, signal),
      refusal("tpm", /^Get NitroTPM attestation document failed: TPM2_VENDOR_AWS_NSM_REQUEST failed/),
    );
  });

  test("azure-sev-snp: issues evidence with the host's certificates, which it asks for once in a while", async () => {
    thim();
    const azure = source("azure-sev-snp", new FakeHost(), await hcl(SNP_CASE));
    const evidence = parseEvidence(await azure.issue(DATA, signal)) as Extract<Evidence, { variant: "azure-sev-snp" }>;
    assert.deepEqual(evidence.azure.hclReport, read(`${SNP_CASE}/hcl_report.bin`));
    assert.deepEqual(evidence.azure.endorsementCert, read(`${SNP_CASE}/vcek.der`));
    assert.deepEqual(evidence.azure.caChain, [pemToDer(String(Buffer.from(read(`${SNP_CASE}/ask.pem`))))]);
    assert.deepEqual(evidence.azure.crls, []);
    await azure.issue(DATA, signal);
    assert.deepEqual(metadata.questions, [`GET ${THIM} Metadata=true `]);
    azure.clock.nowMs += 3_600_000;
    await azure.issue(DATA, signal);
    assert.equal(metadata.questions.length, 2);
  });

  test("azure-tdx: issues evidence with the host's quote of the paravisor's report", async () => {
    const quote = read(`${TDX_CASE}/td_quote.bin`);
    tdQuote(quote);
    const report = read(`${TDX_CASE}/hcl_report.bin`);
    const { azure } = await issued("azure-tdx", new FakeHost(), await hcl(TDX_CASE));
    assert.deepEqual(azure.tdx, { quote, collateral: undefined, ccel: undefined });
    assert.deepEqual(azure.hclReport, report);
    const [question = ""] = metadata.questions;
    const sent = JSON.parse(question.slice(question.indexOf("{"))) as { report: string };
    assert.deepEqual(new Uint8Array(Buffer.from(sent.report, "base64url")), report.slice(32, 32 + 1024));
  });

  test("azure-tdx: refuses a quote of another report, and bytes that are none", async () => {
    const azure = source("azure-tdx", new FakeHost(), await hcl(TDX_CASE));
    tdQuote(intel.quote());
    await assert.rejects(azure.issue(DATA, signal), refusal("metadata_malformed", /another report/));
    tdQuote(new Uint8Array(700));
    await assert.rejects(azure.issue(DATA, signal), refusal("blob_malformed", /Read TD quote failed/));
    tdQuote(read(`${TDX_CASE}/td_quote.bin`));
    await azure.issue(DATA, signal);
  });

  test("azure: refuses a report of other hardware, and a machine without paravisor", async () => {
    const snp = await hcl(SNP_CASE);
    await assert.rejects(
      source("azure-tdx", new FakeHost(), snp).issue(DATA, signal),
      refusal("provider", /got hardware "sev-snp", wanted "tdx"/),
    );
    await assert.rejects(
      source("azure-sev-snp", new FakeHost(), cloud.withoutNv()).issue(DATA, signal),
      refusal("tpm_missing", /HCL report/),
    );
  });

  test("azure: refuses where the metadata service is broken, slow or another, and recovers", async () => {
    const nv = await hcl(SNP_CASE);
    const azure = source("azure-sev-snp", new FakeHost(), nv);
    await assert.rejects(azure.issue(DATA, signal), refusal("metadata_status", /got status 404/));
    metadata.scripts.set(THIM, [status(503)]);
    await assert.rejects(azure.issue(DATA, signal), refusal("metadata_status", /got status 503/));
    metadata.scripts.set(THIM, [() => undefined]);
    const hasty = source("azure-sev-snp", new FakeHost(), nv, 50);
    await assert.rejects(hasty.issue(DATA, signal), refusal("metadata_timeout"));
    metadata.scripts.set(THIM, [(_, response) => response.end("x".repeat(64 * 1024 + 1))]);
    await assert.rejects(azure.issue(DATA, signal), refusal("metadata_too_large"));
    metadata.scripts.set(THIM, [json({})]);
    await assert.rejects(azure.issue(DATA, signal), refusal("metadata_malformed"));
    thim();
    await azure.issue(DATA, signal);
  });
});
