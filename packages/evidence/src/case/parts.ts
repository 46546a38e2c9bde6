import type { Collateral } from "@constellation/tdx";
import type { TrustedBank } from "@constellation/vtpm";
import type { AzureSevSnpParts } from "../azure.ts";
import type { EvidenceFiles } from "../files.ts";
import { certificatesIn } from "../pem.ts";
import type { SevSnpParts } from "../sev-snp.ts";
import type { TdxParts } from "../tdx.ts";
import type { BankQuote, VtpmParts } from "../vtpm.ts";
import type { CaseInput } from "./input.ts";
import { parseRegisters } from "./registers.ts";

/** The endorsements of a report. */
export function sevSnpParts({ files }: CaseInput): Omit<SevSnpParts, "report"> {
  const [endorsementCert] = certificatesIn(files.get("endorsement_cert"));
  return {
    endorsementCert: endorsementCert ?? new Uint8Array(),
    caChain: certificatesOf(files, "ca_chain"),
    crls: files.has("crl") ? [files.get("crl")] : [],
  };
}

/** Certificates of issuers: none where there is no file of them. */
export function certificatesOf(files: EvidenceFiles, role: string): Uint8Array[] {
  return files.has(role) ? certificatesIn(files.get(role)) : [];
}

/** Roles of the files of Intel's collateral. */
export const COLLATERAL_ROLES = {
  tcbInfo: "tcb_info",
  tcbInfoIssuerChain: "tcb_info_issuer_chain",
  qeIdentity: "qe_identity",
  qeIdentityIssuerChain: "qe_identity_issuer_chain",
  rootCaCrl: "root_ca_crl",
  pckCrl: "pck_crl",
  pckCrlIssuerChain: "pck_crl_issuer_chain",
} as const satisfies Record<keyof Collateral, string>;

const COLLATERAL_PARTS = Object.entries(COLLATERAL_ROLES) as [keyof Collateral, string][];

/** Whether there is any of Intel's collateral. */
export function hasCollateral(files: EvidenceFiles): boolean {
  return COLLATERAL_PARTS.some(([, role]) => files.has(role));
}

/** A quote by its role, with the collateral and log that are there. Collateral in parts is none to judge by. */
export function tdxParts({ files }: CaseInput, quoteRole: string): TdxParts {
  const isWhole = COLLATERAL_PARTS.every(([, role]) => files.has(role));
  const collateral = () => Object.fromEntries(COLLATERAL_PARTS.map(([part, role]) => [part, files.get(role)]));
  return {
    quote: files.get(quoteRole),
    collateral: isWhole ? (collateral() as Record<keyof Collateral, Uint8Array>) : undefined,
    ccel: files.has("ccel") ? files.get("ccel") : undefined,
  };
}

/** What Azure machines have beside the evidence of their hardware. */
export function azureParts({ files }: CaseInput): Pick<AzureSevSnpParts, "hclReport" | "quotes" | "eventLog"> {
  const quote: BankQuote = {
    bank: "sha256",
    quote: files.get("tpm_quote_msg"),
    signature: { format: "rsassa-sha256", bytes: files.get("tpm_quote_sig") },
    pcrs: parseRegisters(files.get("pcrs")).get("sha256") ?? new Map(),
  };
  const eventLog = files.has("eventlog") ? files.get("eventlog") : undefined;
  return { hclReport: files.get("hcl_report"), quotes: [quote], eventLog };
}

/** Key, quotes, log and certificate of a TPM. Quotes over the SHA-1 bank are nothing to judge by, and left aside. */
export function tpmQuoteParts({ case: subject, files }: CaseInput): VtpmParts {
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
  return {
    akPublic:
      subject.akPublicFormat === "spki-der"
        ? ({ format: "spki", der: akPublic, vouchedBy: "the case, which gives the key alone" } as const)
        : ({ format: "tpmt-public", bytes: akPublic } as const),
    quotes,
    eventLog: files.has("eventlog") ? files.get("eventlog") : undefined,
    akCertificate: files.has("ak_cert")
      ? {
          certificate: certificatesIn(files.get("ak_cert"))[0] ?? new Uint8Array(),
          issuers: certificatesOf(files, "ak_ca_chain"),
        }
      : undefined,
  };
}
