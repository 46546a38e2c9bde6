import { parseHclReport } from "@constellation/hcl";
import type { CaseKind } from "../../case/case.ts";
import { parseRegisters } from "../../case/registers.ts";
import { isLegacy } from "../../event-log.ts";
import type { TestCase } from "../cases.ts";
import { akTemplate, hclAlone, hclOfSevSnp, hclOfTdx } from "./binary.ts";
import { chainOf, unusedCertificates, unusedRoot } from "./certificates.ts";
import { type Compared, unmeasured } from "./event-log.ts";
import { type Part, rootName } from "./part.ts";
import { type Range, whole } from "./range.ts";
import { otherBanks, registerNames } from "./registers.ts";

type RangesOf = (bytes: Uint8Array, subject: TestCase) => Range[];

const none: RangesOf = () => [];
/** Files that no kind of case reads. */
const notRead: RangesOf = (bytes) => whole(bytes, "notRead");
const NOT_READ: Readonly<Record<string, RangesOf>> = {
  evidence_json: notRead,
  original: notRead,
  cert_table: notRead,
  thim_json: notRead,
  uvm_endorsement: notRead,
  security_policy: notRead,
};

const SEV_SNP_CERTIFICATES: Readonly<Record<string, RangesOf>> = {
  endorsement_cert: linksOf("endorsement_cert", "ca_chain"),
  ca_chain: linksOf("endorsement_cert", "ca_chain"),
};

/** Every one of these is under a signature from its first to its last byte, or fixed by its format. */
const INTEL_COLLATERAL: Readonly<Record<string, RangesOf>> = {
  tcb_info: none,
  tcb_info_issuer_chain: none,
  qe_identity: none,
  qe_identity_issuer_chain: none,
  root_ca_crl: none,
  pck_crl: none,
  pck_crl_issuer_chain: none,
};

const AZURE_VTPM: Readonly<Record<string, RangesOf>> = {
  tpm_quote_msg: none,
  tpm_quote_sig: none,
  pcrs: (json) => otherBanks(json, ["sha256"]),
};

const QUOTED_BANKS = ["sha256", "sha384", "sha512"];
const sha1: RangesOf = (bytes) => whole(bytes, "sha1");

/** What may change, by kind and role. A role that is not listed is an error: somebody has to have thought of it. */
const TABLE: Readonly<Record<CaseKind, Readonly<Record<string, RangesOf>>>> = {
  "sev-snp": { report: none, ...SEV_SNP_CERTIFICATES },
  "sev-snp-launch-digest": { vectors: (bytes) => whole(bytes, "notEvidence") },
  tdx: {
    quote: none,
    ...INTEL_COLLATERAL,
    ccel: (bytes) => unmeasured(bytes, "cc", { banks: ["sha384"], registers: undefined }),
  },
  "azure-hcl": { hcl_report: (bytes) => hclAlone(parseHclReport(bytes).reportType) },
  "azure-sev-snp": { hcl_report: hclOfSevSnp, ...SEV_SNP_CERTIFICATES, ...AZURE_VTPM },
  "azure-tdx": { hcl_report: hclOfTdx, td_quote: none, ...INTEL_COLLATERAL, ...AZURE_VTPM },
  "tpm-quote": {
    ak_public: akTemplate,
    ak_cert: linksOf("ak_cert", "ak_ca_chain"),
    ak_ca_chain: linksOf("ak_cert", "ak_ca_chain"),
    pcrs: (json, { case: { banks } }) => otherBanks(json, quotedOf(banks)),
    eventlog: (bytes, { case: { banks } }) =>
      unmeasured(bytes, "tcg", { banks: quotedOf(banks), registers: undefined }),
    quote_sha1_msg: sha1,
    quote_sha1_sig: sha1,
    quote_sha256_msg: none,
    quote_sha256_sig: none,
    quote_sha384_msg: none,
    quote_sha384_sig: none,
  },
  "gcp-ek-cert": { certificate: linksOf("certificate", "ca_chain"), ca_chain: linksOf("certificate", "ca_chain") },
  "tpm-eventlog": {
    eventlog: (bytes, subject) => unmeasured(bytes, isLegacy(bytes) ? "legacy" : "tcg", comparedOf(subject)),
    pcrs: referenceValues,
  },
  ccel: { eventlog: (bytes, subject) => unmeasured(bytes, "cc", comparedOf(subject)), pcrs: referenceValues },
  nitro: { document: none },
};

/** Kinds with roots to choose from, by the roles of the chain that ends at one of them. All others have one root. */
const CHAINS: Partial<Record<CaseKind, readonly [string, string]>> = {
  "gcp-ek-cert": ["certificate", "ca_chain"],
  "tpm-quote": ["ak_cert", "ak_ca_chain"],
};

/**
 * The bytes of a part that the specification leaves unprotected, by the structure of what stands there.
 * @throws Error for a role that the table does not know
 */
export function unprotectedIn(subject: TestCase, { name, bytes }: Part): Range[] {
  const { kind } = subject.case;
  if (subject.roots.some((_, index) => rootName(index) === name)) {
    const roles = CHAINS[kind];
    return roles === undefined ? [] : unusedRoot(bytes, chainOf(subject, ...roles));
  }
  const rangesOf = TABLE[kind][name] ?? NOT_READ[name];
  if (rangesOf === undefined) throw new Error(`Look up unprotected bytes failed: got role "${name}" of kind "${kind}"`);
  return rangesOf(bytes, subject);
}

function linksOf(leafRole: string, issuersRole: string): RangesOf {
  return (bytes, subject) => unusedCertificates(bytes, chainOf(subject, leafRole, issuersRole));
}

function quotedOf(banks: readonly string[]): string[] {
  return banks.filter((bank) => QUOTED_BANKS.includes(bank));
}

function referenceValues(json: Uint8Array): Range[] {
  return [...otherBanks(json, ["sha1", ...QUOTED_BANKS]), ...registerNames(json)];
}

/** The banks and registers that the case has values of. Each bank has the same registers. */
function comparedOf({ files }: TestCase): Compared {
  const registers = parseRegisters(files.get("pcrs"));
  return { banks: [...registers.keys()], registers: [...registers.values()].flatMap((values) => [...values.keys()]) };
}
