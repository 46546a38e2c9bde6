import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Evidence, parseEvidence, serializeEvidence } from "@constellation/attestation";
import { utf8 } from "@constellation/bytes";
import { fakeQuote, pemChain, issueCertificate, sgxExtensions, FAKE_PCK } from "@constellation/tdx/testing";
import { FakeAmd, genuine } from "@constellation/sev-snp/testing";
import type { EndorsementSource } from "../source.ts";
import { endorseEvidence } from "./endorse-evidence.ts";

const signal = new AbortController().signal;
const amd = new FakeAmd("Milan");
const report = genuine(amd, {});
/** What comes along with a report. */
type Endorsements = Omit<Extract<Evidence, { variant: "sev-snp" }>["sevSnp"], "report">;
const NOTHING: Endorsements = { endorsementCert: new Uint8Array(), caChain: [], crls: [] };
const vtpm = {
  akPublic: Uint8Array.of(1),
  akCertificate: { certificate: Uint8Array.of(1), issuers: [] },
  quote: Uint8Array.of(1),
  signature: Uint8Array.of(1),
  pcrs: new Map(Array.from({ length: 16 }, (_, index) => [index, new Uint8Array(32)])),
  eventLog: undefined,
};

/** Vendors that answer with these, or not at all. */
function source(answers: Partial<EndorsementSource> = {}): EndorsementSource & { readonly asked: string[] } {
  const asked: string[] = [];
  const silent = () => Promise.reject(new Error("no answer"));
  return {
    asked,
    sevSnp: (platform, end) => {
      asked.push(`${platform.kind} ${platform.product}`);
      return (answers.sevSnp ?? silent)(platform, end);
    },
    tdx: (platform, end) => {
      asked.push(platform.ca);
      return (answers.tdx ?? silent)(platform, end);
    },
  };
}

const sevSnp = (part: Partial<Endorsements>): Evidence => ({
  variant: "sev-snp",
  sevSnp: { report: report.report, ...NOTHING, ...part },
});
const COLLATERAL = {
  tcbInfo: Uint8Array.of(1),
  tcbInfoIssuerChain: Uint8Array.of(2),
  qeIdentity: Uint8Array.of(3),
  qeIdentityIssuerChain: Uint8Array.of(4),
  rootCaCrl: Uint8Array.of(5),
  pckCrl: Uint8Array.of(6),
  pckCrlIssuerChain: Uint8Array.of(7),
};
const answer = { endorsementCert: Uint8Array.of(1), caChain: [Uint8Array.of(2)], crls: [Uint8Array.of(3)] };

describe("endorseEvidence()", () => {
  test("adds AMD's certificates and CRL to a report that has none", async () => {
    const vendor = source({ sevSnp: async () => answer });
    const { evidence, missing } = await endorseEvidence(serializeEvidence(sevSnp({})), vendor, signal);
    assert.deepEqual(parseEvidence(evidence), sevSnp(answer));
    assert.deepEqual([missing, vendor.asked], [[], ["VCEK Milan"]]);
  });

  test("keeps what came along, and asks nobody where nothing is missing", async () => {
    const own = { endorsementCert: Uint8Array.of(9), caChain: [Uint8Array.of(8)], crls: [] };
    const vendor = source({ sevSnp: async () => answer });
    const { evidence } = await endorseEvidence(serializeEvidence(sevSnp(own)), vendor, signal);
    assert.deepEqual(parseEvidence(evidence), sevSnp({ ...own, crls: answer.crls }));
    await endorseEvidence(evidence, vendor, signal);
    assert.equal(vendor.asked.length, 1);
  });

  test("adds Intel's collateral by the quote's PCK certificate", async () => {
    const vendor = source({ tdx: async () => COLLATERAL });
    const root = await issueCertificate({ commonName: "Intel SGX Root CA", isCa: true });
    const ca = await issueCertificate({ commonName: "Intel SGX PCK Platform CA", issuer: root, isCa: true });
    const extensions = sgxExtensions({ ...FAKE_PCK, isPlatform: true });
    const pck = await issueCertificate({ commonName: "PCK", issuer: ca, sgxExtensions: extensions });
    const pckCertificateChain = pemChain(pck, ca, root);
    const quote = fakeQuote({ version: 4, tdxVersion: "1.5", pckKeys: pck.keys, pckCertificateChain });
    const given: Evidence = { variant: "tdx", tdx: { quote, collateral: undefined, ccel: undefined } };
    const { evidence } = await endorseEvidence(serializeEvidence(given), vendor, signal);
    assert.deepEqual(parseEvidence(evidence), { ...given, tdx: { ...given.tdx, collateral: COLLATERAL } });
    assert.deepEqual(vendor.asked, ["platform"]);
  });

  test("gives evidence back as it is where vendors do not answer, and says so", async () => {
    const given = serializeEvidence(sevSnp({}));
    const { evidence, missing } = await endorseEvidence(given, source(), signal);
    assert.deepEqual(parseEvidence(evidence), sevSnp({}));
    assert.deepEqual(missing.map(String), ["Error: no answer"]);
  });

  test("asks nobody about evidence that can't be read, or that has no vendor's endorsements", async () => {
    const vendor = source();
    const gcp = serializeEvidence({ variant: "gcp-sev-es", vtpm });
    const nitro = serializeEvidence({ variant: "aws-nitro-tpm", nitroTpm: { document: Uint8Array.of(1) } });
    for (const given of [utf8("{}"), nitro, gcp]) {
      assert.deepEqual((await endorseEvidence(given, vendor, signal)).evidence, given);
    }
    assert.deepEqual(vendor.asked, []);
  });

  test("ends with its signal", async () => {
    const ended = AbortSignal.abort(new Error("ended"));
    await assert.rejects(endorseEvidence(serializeEvidence(sevSnp({})), source(), ended), { message: "ended" });
  });
});
