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
} from "@constellation/attestation";
import { base64 } from "@constellation/bytes";
import { NOW } from "@constellation/sev-snp/testing";
import { findSwtpm } from "@constellation/testkit";
import { fakeEventLog } from "@constellation/testkit/fake-tpm";
import { parseQuote } from "@constellation/tdx";
import { derToPem, parseCertificate, pemToDer } from "@constellation/x509";
import { nsmResponse } from "./testing/cbor.ts";
import { CloudTpm } from "./testing/cloud-tpm.ts";
import { FakeHost } from "./testing/fake-host.ts";
import { FakeMetadata, json, status } from "./testing/fake-metadata.ts";
import type { FakeNv } from "./testing/fake-nv.ts";
import { intel, snpHost, tdxHost } from "./testing/hardware.ts";
import { refusal } from "./testing/refusal.ts";
import { DATA, fakeSource, issued as issuedBy } from "./testing/sources.ts";
import { TPM_EVENT_LOG } from "./tpm/event-log.ts";
import { HCL_REPORT_NV } from "./tpm/hcl.ts";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? join(import.meta.dirname, "../../../../shared/vectors");
const read = (path: string) => new Uint8Array(readFileSync(join(VECTORS, path)));

const SNP_CASE = "azure/snp-milan-v3-trustee-v1";
const TDX_CASE = "azure/tdx-trustee-v1";
const THIM = "/metadata/THIM/amd/certification";

const signal = new AbortController().signal;
const ANY = { kind: "any", reason: "test" } as const;

const metadata = await FakeMetadata.start();
const { origin } = metadata;
after(() => metadata.close());
afterEach(() => {
  metadata.scripts.clear();
  metadata.questions.length = 0;
});

const source = (variant: PlatformVariant, host: FakeHost, nv: FakeNv, timeoutMs = 60_000) =>
  fakeSource(variant, { host, nv, origin, timeoutMs });
const issued = <V extends PlatformVariant>(variant: V, host: FakeHost, nv: FakeNv) =>
  issuedBy(variant, { host, nv, origin });

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
      machines: ANY,
      vtpm: {
        akCertificate: { kind: "required", roots: [parseCertificate(pemToDer(cloud.ca.certificatePem))] },
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
    const { REPORTDATA, MRTD } = parseQuote(read(`${TDX_CASE}/td_quote.bin`)).body;
    tdQuote(intel.quote({ body: { REPORTDATA } }));
    await assert.rejects(azure.issue(DATA, signal), refusal("metadata_malformed", /another report/));
    tdQuote(intel.quote({ body: { MRTD } }));
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
