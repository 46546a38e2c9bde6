import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { fromHex, utf8 } from "@constellation/bytes";
import { EvidenceFiles, pemCertificates } from "@constellation/evidence";
import { parseCase } from "@constellation/evidence/case";
import { policyFromCase } from "@constellation/evidence/policy-from-case";
import { serializeSignature, TPM_ALG } from "@constellation/tpm2";
import { pemToDer } from "@constellation/x509";
import { appraise } from "../appraise.ts";
import { type Evidence, parseEvidence, serializeEvidence } from "../evidence.ts";
import { checkPolicy, parsePolicy } from "../parse-policy.ts";
import { type Policy, serializePolicy } from "../policy.ts";
import { PLATFORM_VARIANTS, type PlatformEvidence, trustOf } from "./variants.ts";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? resolve(import.meta.dirname, "../../../../../shared/vectors");

/** Evidence of real hardware. None was made for a channel of ours, so that each is refused for its binding. */
interface Real {
  readonly evidence: PlatformEvidence;
  /** A policy of the evidence itself, but for its binding. */
  readonly policy: Policy;
  readonly now: Date;
}

type Json = Record<string, unknown>;

const ANY_MACHINE = { kind: "any", reason: "test" } as const;

function read(id: string, name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(VECTORS, id, name)));
}

/** The policy that the case's own evidence passes, without what binds it. */
function observedPolicy(id: string): Json {
  const subject = parseCase(read(id, "case.json"));
  const files = Array.from(subject.files, ([role, name]) => [role, read(id, name)] as const);
  const roots = subject.roots.flatMap((path) => pemCertificates(new Uint8Array(readFileSync(join(VECTORS, path)))));
  const input = {
    case: subject,
    files: new EvidenceFiles(new Map(files)),
    roots,
    named: (name: string) => read(id, name),
  };
  return policyFromCase(input).policy as Json;
}

function without(value: unknown, key: string): Json {
  const { [key]: _, ...others } = value as Json;
  return others;
}

const der = (pem: Uint8Array): Uint8Array => pemToDer(Buffer.from(pem).toString("latin1"));

function sevSnp(): Real {
  const id = "sev-snp/genoa-v5-evidence-json";
  const { report, ...issuers } = observedPolicy(id);
  return {
    evidence: {
      variant: "sev-snp",
      sevSnp: {
        report: read(id, "report.bin"),
        endorsementCert: read(id, "vcek.der"),
        caChain: [der(read(id, "ask.pem"))],
        crls: [],
      },
    },
    policy: checkPolicy({
      variant: "sev-snp",
      machines: ANY_MACHINE,
      sevSnp: { ...issuers, report: without(report, "reportData") },
    }),
    now: parseCase(read(id, "case.json")).verifyTime as Date,
  };
}

function tdxParts(id: string, quote: string) {
  return {
    quote: read(id, quote),
    collateral: {
      tcbInfo: read(id, "tcb_info.json"),
      tcbInfoIssuerChain: read(id, "tcb_info_issuer_chain.pem"),
      qeIdentity: read(id, "qe_identity.json"),
      qeIdentityIssuerChain: read(id, "qe_identity_issuer_chain.pem"),
      rootCaCrl: read(id, "root_ca_crl.der"),
      pckCrl: read(id, "pck_crl.der"),
      pckCrlIssuerChain: read(id, "pck_crl_issuer_chain.pem"),
    },
    ccel: undefined,
  };
}

function tdx(): Real {
  const id = "azure/tdx-trustee-v1-collateral";
  const { quote, ...issuers } = observedPolicy(id)["tdx"] as Json;
  return {
    evidence: { variant: "tdx", tdx: tdxParts(id, "td_quote.bin") },
    policy: checkPolicy({
      variant: "tdx",
      machines: ANY_MACHINE,
      tdx: { ...issuers, quote: without(quote, "REPORTDATA") },
    }),
    now: parseCase(read(id, "case.json")).verifyTime as Date,
  };
}

/** PCR 0 to 15, as quotes for a cluster have them; the vectors' quotes are over all 24. */
function pcrsOf(id: string): Map<number, Uint8Array> {
  const { sha256 } = JSON.parse(Buffer.from(read(id, "pcrs.json")).toString()) as { sha256: Record<string, string> };
  return new Map(Array.from({ length: 16 }, (_, index) => [index, fromHex(sha256[index] as string)]));
}

function azureQuote(id: string) {
  const sig = read(id, "tpm_quote.sig");
  return {
    hclReport: read(id, "hcl_report.bin"),
    quote: read(id, "tpm_quote.msg"),
    signature: serializeSignature({ sigAlg: TPM_ALG.RSASSA, hash: TPM_ALG.SHA256, sig }),
    pcrs: pcrsOf(id),
    eventLog: undefined,
  };
}

function azurePolicy(policy: Json) {
  return { vmConfiguration: policy["vmConfiguration"], vtpm: without(policy["vtpm"], "qualifyingData") };
}

function azureSevSnp(): Real {
  const id = "azure/snp-milan-v3-trustee-v1";
  const policy = observedPolicy(id);
  const { report, ...issuers } = policy["sevSnp"] as Json;
  const endorsements = { endorsementCert: read(id, "vcek.der"), caChain: [der(read(id, "ask.pem"))], crls: [] };
  return {
    evidence: { variant: "azure-sev-snp", azure: { ...azureQuote(id), ...endorsements } },
    policy: checkPolicy({
      variant: "azure-sev-snp",
      machines: ANY_MACHINE,
      azure: { sevSnp: { ...issuers, report: without(report, "reportData") }, ...azurePolicy(policy) },
    }),
    now: parseCase(read(id, "case.json")).verifyTime as Date,
  };
}

function azureTdx(): Real {
  const id = "azure/tdx-trustee-v1-collateral";
  const policy = observedPolicy(id);
  const { quote, ...issuers } = policy["tdx"] as Json;
  return {
    evidence: { variant: "azure-tdx", azure: { ...azureQuote(id), tdx: tdxParts(id, "td_quote.bin") } },
    policy: checkPolicy({
      variant: "azure-tdx",
      machines: ANY_MACHINE,
      azure: { tdx: { ...issuers, quote: without(quote, "REPORTDATA") }, ...azurePolicy(policy) },
    }),
    now: parseCase(read(id, "case.json")).verifyTime as Date,
  };
}

function nitroTpm(): Real {
  const id = "nitro/enclave-1";
  const { document, ...issuers } = observedPolicy(id);
  return {
    evidence: { variant: "aws-nitro-tpm", nitroTpm: { document: read(id, "document.cbor") } },
    policy: checkPolicy({
      variant: "aws-nitro-tpm",
      machines: ANY_MACHINE,
      nitroTpm: { ...issuers, document: without(document, "nonce") },
    }),
    now: parseCase(read(id, "case.json")).verifyTime as Date,
  };
}

function vtpm(): Real {
  const id = "gcp-tpm/gce-cos-85-no-nonce";
  const observed = without(observedPolicy(id), "qualifyingData");
  // Evidence for clusters is over the SHA-256 bank alone.
  const policy = { ...observed, pcrs: { ...(observed["pcrs"] as Json), sha384: {} } };
  const issuers = pemCertificates(read(id, "ak_ca_chain.pem")).map(pemToDer);
  return {
    evidence: {
      variant: "gcp-sev-es",
      vtpm: {
        akPublic: read(id, "ak_public.bin"),
        akCertificate: { certificate: read(id, "ak_cert.der"), issuers },
        quote: read(id, "quote_sha256.msg"),
        signature: read(id, "quote_sha256.sig"),
        pcrs: pcrsOf(id),
        eventLog: read(id, "eventlog.bin"),
      },
    },
    policy: checkPolicy({ variant: "gcp-sev-es", machines: ANY_MACHINE, vtpm: policy }),
    now: parseCase(read(id, "case.json")).verifyTime as Date,
  };
}

/** What fails of real evidence: its binding, and where PCR 16 to 23 are quoted too, that nobody has their values. */
const REAL: readonly (readonly [() => Real, readonly string[]])[] = [
  [sevSnp, ["sevSnp.report.reportData report_data"]],
  [tdx, ["tdx.REPORTDATA report_data"]],
  [
    azureSevSnp,
    ["azure.vtpm.quote.qualifyingData quote_qualifying_data", "azure.vtpm.quote.pcrSelection quote_pcr_missing"],
  ],
  [
    azureTdx,
    ["azure.vtpm.quote.qualifyingData quote_qualifying_data", "azure.vtpm.quote.pcrSelection quote_pcr_missing"],
  ],
  [nitroTpm, ["nitroTpm.document.nonce nonce"]],
  [vtpm, ["vtpm.quote.qualifyingData quote_qualifying_data", "vtpm.quote.pcrSelection quote_pcr_missing"]],
];

const reportData = new Uint8Array(64).fill(7);

describe("appraise() of real evidence", () => {
  for (const [real, wanted] of REAL) {
    const { evidence, policy, now } = real();
    const bytes = serializeEvidence(evidence);

    test(`refuses ${evidence.variant} that was not made for this channel, and for nothing else`, () => {
      const verdict = appraise(bytes, policy, { reportData, now });
      const failed = verdict.checks.flatMap((done) => (done.outcome === "fail" ? [`${done.name} ${done.code}`] : []));
      const known = [...wanted, "azure.vtpm.quote.pcrDigest not_checked", "vtpm.quote.pcrDigest not_checked"];
      for (const failure of wanted) assert.ok(failed.includes(failure), `${failure} in ${failed.join(", ")}`);
      for (const failure of failed.filter((one) => !/\.pcr\[(1[6-9]|2\d)\] pcr_missing$/.test(one))) {
        assert.ok(known.includes(failure), failure);
      }
      assert.equal(verdict.accepted, false);
      assert.deepEqual(verdict.trust, trustOf(evidence.variant));
      assert.deepEqual(Object.keys(verdict.claims.platform ?? {}), Object.keys(without(evidence, "variant")));
    });

    test(`${evidence.variant}: evidence and policy come back from their documents`, () => {
      assert.deepEqual(parseEvidence(bytes), evidence);
      const text = serializePolicy(policy);
      assert.equal(serializePolicy(parsePolicy(text)), text);
    });
  }

  test("refuses evidence of another variant than the policy's, and judges nothing", () => {
    const { evidence } = sevSnp();
    const { policy, now } = tdx();
    const { accepted, checks } = appraise(serializeEvidence(evidence), policy, { reportData, now });
    assert.equal(accepted, false);
    assert.deepEqual(
      checks.map((done) => `${done.name} ${done.outcome === "fail" ? done.code : ""}`),
      ["evidence variant_mismatch", "tdx not_checked"],
    );
  });

  test("refuses evidence that does not parse", () => {
    const { policy, now } = tdx();
    const { checks } = appraise(utf8('{"variant":"tdx"}'), policy, { reportData, now });
    assert.deepEqual(
      checks.map((done) => (done.outcome === "fail" ? done.code : "")),
      ["evidence_malformed", "not_checked"],
    );
  });
});

describe("documents of variants", () => {
  test("every variant says whose word a verdict rests on", () => {
    for (const variant of PLATFORM_VARIANTS) assert.ok(trustOf(variant).length > 0, variant);
  });

  test("checkPolicy() lists every wrong field of a variant's policy", () => {
    for (const variant of PLATFORM_VARIANTS) {
      assert.throws(() => checkPolicy({ variant }), {
        code: "policy_malformed",
        message: /got nothing, wanted an object/,
      });
    }
    const { policy } = sevSnp();
    const document = JSON.parse(serializePolicy(policy)) as { sevSnp: { report: Json } };
    document.sevSnp.report["vmpl"] = { kind: "equal", anyOf: [4] };
    assert.throws(() => checkPolicy(document), {
      message: /sevSnp\.report\.vmpl\.anyOf\.0: got 4, wanted a whole number/,
    });
    document.sevSnp.report["reportData"] = { kind: "any", reason: "no" };
    assert.throws(() => checkPolicy(document), { message: /sevSnp\.report\.reportData: got an unknown field/ });
  });

  test("parseEvidence() refuses a register left out, and bytes that are too many", () => {
    const change = (edit: (vtpm: Json) => void): Uint8Array => {
      const document = JSON.parse(Buffer.from(serializeEvidence(vtpm().evidence as Evidence)).toString()) as {
        vtpm: Json;
      };
      edit(document.vtpm);
      return utf8(JSON.stringify(document));
    };
    const refused = (edit: (vtpm: Json) => void, message: RegExp): void =>
      assert.throws(() => parseEvidence(change(edit)), { code: "evidence_malformed", message });
    refused(
      (part) => delete (part["pcrs"] as Json)["7"],
      /vtpm\.pcrs\.7: got nothing, wanted 64 lower-case hex digits/,
    );
    refused((part) => (part["quote"] = Buffer.alloc(1025).toString("base64")), /vtpm\.quote: got .*at most 1024 bytes/);
    refused((part) => delete part["eventLog"], /vtpm\.eventLog: got nothing/);
  });
});
