import { concat, equalConstantTime, hex } from "@constellation/bytes";
import { CryptoError, digest, ecPublicKey, type PublicKey, verifySignature } from "@constellation/crypto";
import { about } from "@constellation/verdict";
import { type Certificate, publicKeyOf, X509Error } from "@constellation/x509";
import { attempt } from "./attempt.ts";
import type { Check } from "./check.ts";
import { TdxError } from "./error.ts";
import { type PckExtensions, readPckExtensions } from "./pck-extensions.ts";
import type { KnownCertificates } from "./pem-chain.ts";
import type { TdQuote } from "./quote.ts";
import { ECDSA_P256 } from "./signature-scheme.ts";
import { chainChecks, type ChainSpec, verifyCertificateChain } from "./verify-certificate-chain.ts";

const { check, fail, pass } = about("hardware.genuine");

/** A platform that a verified PCK certificate speaks of. */
export interface Platform {
  readonly pckCertificate: Certificate;
  readonly pckCa: Certificate;
  readonly root: Certificate;
  readonly extensions: PckExtensions;
}

/** What came of the quote itself; a platform only where its PCK certificate is genuine. */
export interface PlatformResult {
  readonly checks: readonly Check[];
  readonly platform?: Platform;
}

/** Common names of the CAs that issue PCK certificates. */
export const PCK_CA_NAMES = ["Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA"] as const;

const PCK_CHAIN: ChainSpec = {
  name: "pckCertificateChain",
  code: "pck_chain",
  commonNames: [["Intel SGX PCK Certificate"], PCK_CA_NAMES],
  leafIsCa: false,
};

/** Every check of the quote itself, in the order of the verdict. */
export const PLATFORM_CHECKS: readonly string[] = [
  ...chainChecks(PCK_CHAIN.name),
  "pckCertificate.sgxExtensions",
  "quote.signature",
  "qeReport.REPORTDATA",
  "qeReport.signature",
];

const COORDINATE_BYTES = 32;
const REPORT_DATA_BYTES = 64;

/**
 * Verifies the way from the pinned root to the quote: PCK certificate, QE report, attestation key, quote (Intel TDX DCAP
 * Quoting Library API, A.3.8 and A.3.11).
 */
export function verifyPlatform(
  quote: TdQuote,
  roots: readonly Certificate[],
  now: Date,
  known?: KnownCertificates,
): PlatformResult {
  const { checks, chain } = verifyCertificateChain(quote.pckCertificateChain, PCK_CHAIN, roots, now, known);
  const ownChecks = [...checks, verifyQeReportData(quote), verifyQuoteSignature(quote)];
  if (chain === undefined) return { checks: ownChecks };
  const [pckCertificate, pckCa, root] = chain as [Certificate, Certificate, Certificate];
  const { extensions, check: extensionsCheck } = readExtensions(pckCertificate);
  const allChecks = [...ownChecks, extensionsCheck, verifyQeReportSignature(quote, pckCertificate)];
  if (extensions === undefined) return { checks: allChecks };
  return { checks: allChecks, platform: { pckCertificate, pckCa, root, extensions } };
}

function readExtensions(certificate: Certificate): { extensions?: PckExtensions; check: Check } {
  const name = "pckCertificate.sgxExtensions";
  const { value: extensions, error } = attempt([TdxError], () => readPckExtensions(certificate));
  if (error) return { check: fail(name, "pck_extensions", { reason: error.message }) };
  return { extensions, check: pass(name, { got: `FMSPC ${hex(extensions.FMSPC)}` }) };
}

/** A.3.11: the PCK signs the QE report. */
function verifyQeReportSignature({ qeReport, qeReportSignature }: TdQuote, pckCertificate: Certificate): Check {
  const name = "qeReport.signature";
  return verifyWith(name, "qe_report_signature", "one that the PCK made", () => publicKeyOf(pckCertificate), {
    data: qeReport.encoding,
    signature: qeReportSignature,
  });
}

/** A.3.11: REPORTDATA is SHA-256 of attestation key and authentication data, and 32 zero bytes. */
function verifyQeReportData({ qeReport, attestationKey, qeAuthenticationData }: TdQuote): Check {
  const hash = digest("sha256", attestationKey, qeAuthenticationData);
  const wanted = concat(hash, new Uint8Array(REPORT_DATA_BYTES - hash.length));
  const holds = equalConstantTime(qeReport.REPORTDATA, wanted);
  return check(holds, "qeReport.REPORTDATA", "qe_report_data", hex(qeReport.REPORTDATA), hex(wanted));
}

/** A.3.8: the attestation key signs header and body. */
function verifyQuoteSignature({ attestationKey, quoteSignature, signed }: TdQuote): Check {
  const x = attestationKey.subarray(0, COORDINATE_BYTES);
  const y = attestationKey.subarray(COORDINATE_BYTES);
  const wanted = "one that the attestation key made";
  return verifyWith("quote.signature", "quote_signature", wanted, () => ecPublicKey("P-256", x, y), {
    data: signed,
    signature: quoteSignature,
  });
}

/** A key that can't be used has signed nothing. */
function verifyWith(
  name: string,
  code: "qe_report_signature" | "quote_signature",
  wanted: string,
  readKey: () => PublicKey,
  { data, signature }: { readonly data: Uint8Array; readonly signature: Uint8Array },
): Check {
  const got = hex(signature);
  const { value: key, error } = attempt([CryptoError, X509Error], readKey);
  if (error) return fail(name, code, { got, wanted, reason: error.message });
  return check(verifySignature(key, ECDSA_P256, data, signature), name, code, got, wanted);
}
