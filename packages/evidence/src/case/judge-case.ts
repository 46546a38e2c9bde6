import { parseReport } from "@constellation/sev-snp";
import { type Check, fail } from "@constellation/verdict";
import { type TrustedBank, verifyTpmCertificate } from "@constellation/vtpm";
import { judgeAzureSevSnp, judgeAzureTdx, readHcl, verifyReportData } from "../azure.ts";
import { judgeEventLog } from "../event-log.ts";
import type { EvidenceFiles } from "../files.ts";
import { complete, type Judgement } from "../judgement.ts";
import { judgeLaunchPrediction } from "../launch-digest.ts";
import { judgeNitro } from "../nitro.ts";
import { certificatesIn, rootsOf } from "../pem.ts";
import { openVmConfigurationPolicy } from "../policy/open.ts";
import { judgeSevSnp, type SevSnpParts, type SevSnpPolicy } from "../sev-snp.ts";
import { judgeTdx, type TdxParts, type TdxPolicy } from "../tdx.ts";
import { type BankQuote, judgeVtpm, type VtpmPolicy } from "../vtpm.ts";
import type { Case, CaseKind } from "./case.ts";
import {
  documentPolicyOf,
  NOT_ASKED,
  parseCasePolicy,
  quotePolicyOf,
  quotesPolicyOf,
  reportPolicyOf,
} from "./case-policy.ts";
import { parseLaunchVectors } from "./launch-vectors.ts";
import { parseRegisters } from "./registers.ts";

/** A case with the contents of its files. */
export interface CaseInput {
  readonly case: Case;
  readonly files: EvidenceFiles;
  /** The roots that the case trusts, PEM. */
  readonly roots: readonly string[];
  /** A file of the case's folder that another one names. */
  readonly named: (name: string) => Uint8Array;
}

type Judge = (input: CaseInput, now: Date) => Judgement;

const JUDGES: Readonly<Record<CaseKind, Judge>> = {
  "sev-snp": (input, now) =>
    judgeSevSnp({ ...sevSnpParts(input), report: input.files.get("report") }, sevSnpPolicy(input), now),
  "sev-snp-launch-digest": judgeLaunchDigests,
  tdx: (input, now) => judgeTdx(tdxParts(input, "quote"), tdxPolicy(input), now),
  "azure-hcl": judgeHcl,
  "azure-sev-snp": (input, now) =>
    judgeAzureSevSnp(
      { ...sevSnpParts(input), ...azureParts(input) },
      { sevSnp: sevSnpPolicy(input), ...azurePolicy(input) },
      now,
    ),
  "azure-tdx": (input, now) =>
    judgeAzureTdx(
      { ...tdxParts(input, "td_quote"), ...azureParts(input) },
      { tdx: tdxPolicy(input), ...azurePolicy(input) },
      now,
    ),
  "tpm-quote": judgeTpmQuote,
  "gcp-ek-cert": judgeEkCertificate,
  "tpm-eventlog": ({ files }) => judgeEventLog(eventLogParts(files, "tcg")),
  ccel: ({ files }) => judgeEventLog(eventLogParts(files, "cc")),
  nitro: (input, now) =>
    judgeNitro(
      input.files.get("document"),
      { roots: input.roots, document: documentPolicyOf(parseCasePolicy(input.case)) },
      now,
    ),
};

/**
 * Judges a case by its own policy; what the policy leaves out is accepted by choice, and shown. Bad evidence is refused
 * and does not throw.
 * @throws EvidenceError `file_missing`, `file_malformed` or `policy_malformed`
 */
export function judgeCase(input: CaseInput): Judgement {
  return JUDGES[input.case.kind](input, input.case.verifyTime ?? new Date(0));
}

function sevSnpParts({ files }: CaseInput): Omit<SevSnpParts, "report"> {
  const [endorsementCert] = certificatesIn(files.get("endorsement_cert"));
  return {
    endorsementCert: endorsementCert ?? new Uint8Array(),
    caChain: certificatesIn(files.get("ca_chain")),
    crls: files.has("crl") ? [files.get("crl")] : [],
  };
}

function sevSnpPolicy({ case: subject, files, roots }: CaseInput): SevSnpPolicy {
  const report = reportPolicyOf(parseCasePolicy(subject));
  return { roots, revocation: files.has("crl") ? { kind: "required" } : NOT_ASKED, report };
}

function tdxParts({ files }: CaseInput, quoteRole: string): TdxParts {
  return {
    quote: files.get(quoteRole),
    collateral: files.has("tcb_info")
      ? {
          tcbInfo: files.get("tcb_info"),
          tcbInfoIssuerChain: files.get("tcb_info_issuer_chain"),
          qeIdentity: files.get("qe_identity"),
          qeIdentityIssuerChain: files.get("qe_identity_issuer_chain"),
          rootCaCrl: files.get("root_ca_crl"),
          pckCrl: files.get("pck_crl"),
          pckCrlIssuerChain: files.get("pck_crl_issuer_chain"),
        }
      : undefined,
    ccel: files.has("ccel") ? files.get("ccel") : undefined,
  };
}

function tdxPolicy({ case: subject, files, roots }: CaseInput): TdxPolicy {
  const entries = parseCasePolicy(subject);
  const asked = entries.collateral === "required" || (entries.collateral === undefined && files.has("tcb_info"));
  return {
    roots,
    collateral: asked ? { kind: "required" } : NOT_ASKED,
    ccel: NOT_ASKED,
    quote: quotePolicyOf(entries),
  };
}

function azureParts({ files }: CaseInput) {
  const quote: BankQuote = {
    bank: "sha256",
    quote: files.get("tpm_quote_msg"),
    signature: { format: "rsassa-sha256", bytes: files.get("tpm_quote_sig") },
    pcrs: parseRegisters(files.get("pcrs")).get("sha256") ?? new Map(),
  };
  const eventLog = files.has("eventlog") ? files.get("eventlog") : undefined;
  return { hclReport: files.get("hcl_report"), quotes: [quote], eventLog };
}

function azurePolicy({ case: subject }: CaseInput) {
  const vtpm = quotesPolicyOf(parseCasePolicy(subject));
  return { vmConfiguration: openVmConfigurationPolicy(NOT_ASKED), vtpm };
}

/** The paravisor's report alone; with the certificates of the hardware's evidence inside, that too. */
function judgeHcl(input: CaseInput, now: Date): Judgement {
  const reading = readHcl(input.files.get("hcl_report"), undefined);
  const { report, claims } = reading;
  const judged =
    report?.reportType === "sev-snp" && input.files.has("endorsement_cert")
      ? judgeSevSnp({ ...sevSnpParts(input), report: report.hwReport }, sevSnpPolicy(input), now)
      : { checks: [], claims: {} };
  const bound = report === undefined ? [] : [verifyReportData(report, reportDataIn(report))];
  return {
    checks: [
      ...judged.checks,
      ...complete(["hcl", "hcl.reportType", "hcl.runtimeClaims", "hcl.reportData"], [...reading.checks, ...bound]),
    ],
    claims: {
      ...(report && { reportType: report.reportType }),
      ...(claims && { vmConfiguration: claims.vmConfiguration as Judgement["claims"] }),
      ...judged.claims,
    },
  };
}

/** Intel TDX Module ABI Specification, REPORTMACSTRUCT: REPORTDATA. */
const TDREPORT_REPORT_DATA = { offset: 128, end: 192 };

/** The report data of the hardware's evidence, as it stands there. */
function reportDataIn({ reportType, hwReport }: { reportType: "sev-snp" | "tdx"; hwReport: Uint8Array }): Uint8Array {
  if (reportType === "sev-snp") return parseReport(hwReport).reportData;
  return hwReport.subarray(TDREPORT_REPORT_DATA.offset, TDREPORT_REPORT_DATA.end);
}

/** Registers that firmware extends, and that its log has to explain in full (PC Client Platform Firmware Profile, 3.3.4). */
const FIRMWARE_REGISTERS = [0, 1, 2, 3, 4, 5, 6, 7];

function judgeTpmQuote({ case: subject, files, roots }: CaseInput, now: Date): Judgement {
  const registers = parseRegisters(files.get("pcrs"));
  const trusted = subject.banks.filter((bank): bank is TrustedBank => bank !== "sha1");
  const quotes = trusted.map((bank): BankQuote => {
    return {
      bank,
      quote: files.get(`quote_${bank}_msg`),
      signature: { format: "tpmt-signature", bytes: files.get(`quote_${bank}_sig`) },
      pcrs: registers.get(bank) ?? new Map(),
    };
  });
  const akPublic = files.get("ak_public");
  const hasLog = files.has("eventlog");
  const hasCertificate = files.has("ak_cert");
  const policy: VtpmPolicy = {
    ...quotesPolicyOf(parseCasePolicy(subject)),
    eventLog: hasLog ? { kind: "required", explained: FIRMWARE_REGISTERS } : NOT_ASKED,
    akCertificate: hasCertificate ? { kind: "required", roots } : NOT_ASKED,
  };
  const parts = {
    akPublic:
      subject.akPublicFormat === "spki-der"
        ? ({ format: "spki", der: akPublic, vouchedBy: "taken as given by the case" } as const)
        : ({ format: "tpmt-public", bytes: akPublic } as const),
    quotes,
    eventLog: hasLog ? files.get("eventlog") : undefined,
    akCertificate: hasCertificate
      ? {
          certificate: certificatesIn(files.get("ak_cert"))[0] ?? new Uint8Array(),
          issuers: files.has("ak_ca_chain") ? certificatesIn(files.get("ak_ca_chain")) : [],
        }
      : undefined,
  };
  return judgeVtpm(parts, policy, now);
}

function judgeEkCertificate({ case: subject, files, roots }: CaseInput, now: Date): Judgement {
  const { usage } = parseCasePolicy(subject);
  const [certificate] = certificatesIn(files.get("certificate"));
  const name = usage === "enc" ? "ekCertificate" : "akCertificate";
  const { checks, chain } = verifyTpmCertificate({
    name,
    certificate: certificate ?? new Uint8Array(),
    intermediates: certificatesIn(files.get("ca_chain")),
    roots: rootsOf(roots),
    now,
    usage: usage === "enc" ? "encrypt" : "sign",
    spki: undefined,
  });
  return {
    checks: complete([`${name}.format`, `${name}.chain`, `${name}.usage`], checks),
    claims: chain === undefined ? {} : { chain: chain.map(({ subject: { text } }) => text) },
  };
}

function eventLogParts(files: EvidenceFiles, format: "tcg" | "cc") {
  return { eventLog: files.get("eventlog"), format, registers: parseRegisters(files.get("pcrs")) } as const;
}

function judgeLaunchDigests({ files, named }: CaseInput): Judgement {
  const predictions = parseLaunchVectors(files.get("vectors"), named);
  const checks: Check[] = predictions.map(judgeLaunchPrediction);
  if (checks.length === 0) checks.push(fail("vectors", "vectors_missing", { got: "none", wanted: "some" }));
  return { checks, claims: { entries: predictions.length } };
}
