import { about } from "@constellation/verdict";
import { type Certificate, type Crl, isRevoked, parseCrl, verifyCrl, X509Error } from "@constellation/x509";
import { attempt } from "./attempt.ts";
import type { Check, CheckCode } from "./check.ts";
import type { Collateral } from "./collateral.ts";
import type { KnownCertificates } from "./pem-chain.ts";
import { chainChecks, type ChainSpec, verifyCertificateChain } from "./verify-certificate-chain.ts";
import type { CrlUpdates } from "./validate-crls.ts";
import { PCK_CA_NAMES, type Platform } from "./verify-platform.ts";

const { check, fail, pass } = about("hardware.genuine");

/** The certificates under the root that signed collateral; one that is not known has no check. */
export interface Signers {
  readonly tcbInfoSigner: Certificate | undefined;
  readonly qeIdentitySigner: Certificate | undefined;
}

/** What came of the CRLs; when they were issued only where both are genuine. */
export interface RevocationResult {
  readonly checks: readonly Check[];
  readonly crlUpdates?: CrlUpdates;
}

/** The part of the collateral that tells what is revoked. */
type RevocationCollateral = Pick<Collateral, "rootCaCrl" | "pckCrl" | "pckCrlIssuerChain">;

const PCK_CRL_CHAIN: ChainSpec = {
  name: "pckCrlIssuerChain",
  code: "pck_crl_chain",
  commonNames: [PCK_CA_NAMES],
  leafIsCa: true,
};

/** Every check of revocation, in the order of the verdict. */
export const REVOCATION_CHECKS: readonly string[] = [
  "rootCaCrl",
  "rootCaCrl.pckCa",
  "rootCaCrl.tcbInfoSigner",
  "rootCaCrl.qeIdentitySigner",
  ...chainChecks(PCK_CRL_CHAIN.name),
  "rootCaCrl.pckCrlIssuer",
  "pckCrl",
  "pckCrl.pckCertificate",
];

/**
 * Verifies that no certificate in use is revoked: the root's CRL speaks of all CAs and signers below it, the PCK CA's of
 * the PCK certificate (Intel SGX PCK Certificate and CRL Profile Specification; RFC 5280 section 6.3).
 */
export function verifyRevocation(
  collateral: RevocationCollateral,
  platform: Omit<Platform, "extensions">,
  signers: Signers,
  now: Date,
  known?: KnownCertificates,
): RevocationResult {
  const { pckCertificate, pckCa, root } = platform;
  const issuer = verifyCertificateChain(collateral.pckCrlIssuerChain, PCK_CRL_CHAIN, [root], now, known);
  const pckCrlIssuer = issuer.chain?.[0];
  const rootCrl = readCrl("rootCaCrl", "root_ca_crl", collateral.rootCaCrl, root, pckCa, now);
  const pckCrl = pckCrlIssuer && readCrl("pckCrl", "pck_crl", collateral.pckCrl, pckCrlIssuer, pckCertificate, now);
  const { tcbInfoSigner, qeIdentitySigner } = signers;
  const checks = [
    rootCrl.check,
    ...lookUp("rootCaCrl.pckCa", "pck_ca_revoked", rootCrl.crl, pckCa),
    ...lookUp("rootCaCrl.tcbInfoSigner", "tcb_info_signer_revoked", rootCrl.crl, tcbInfoSigner),
    ...lookUp("rootCaCrl.qeIdentitySigner", "qe_identity_signer_revoked", rootCrl.crl, qeIdentitySigner),
    ...issuer.checks,
    ...lookUp("rootCaCrl.pckCrlIssuer", "pck_crl_issuer_revoked", rootCrl.crl, pckCrlIssuer),
    ...(pckCrl ? [pckCrl.check] : []),
    ...lookUp("pckCrl.pckCertificate", "pck_certificate_revoked", pckCrl?.crl, pckCertificate),
  ];
  if (!rootCrl.crl || !pckCrl?.crl) return { checks };
  return { checks, crlUpdates: { rootCaCrl: rootCrl.crl.thisUpdate, pckCrl: pckCrl.crl.thisUpdate } };
}

/** A CRL of this issuer that speaks about this certificate; one of another CA would clear whatever it is asked. */
function readCrl(
  name: string,
  code: "root_ca_crl" | "pck_crl",
  der: Uint8Array,
  issuer: Certificate,
  about: Certificate,
  now: Date,
): { crl?: Crl; check: Check } {
  const { value: crl, error } = attempt([X509Error], () => readCrlAbout(about, der, issuer, now));
  if (error) return { check: fail(name, `${code}_${error.code}`, { reason: error.message }) };
  return { crl, check: pass(name, { got: `a CRL of ${crl.issuer.text}, ${crl.revokedCertificates.size} revoked` }) };
}

function readCrlAbout(certificate: Certificate, der: Uint8Array, issuer: Certificate, now: Date): Crl {
  const crl = parseCrl(der);
  verifyCrl(crl, issuer, now);
  isRevoked(crl, certificate);
  return crl;
}

/** No check where the CRL or the certificate is not verified. */
function lookUp(name: string, code: CheckCode, crl: Crl | undefined, certificate: Certificate | undefined): Check[] {
  if (crl === undefined || certificate === undefined) return [];
  const text = `${certificate.subject.text}, serial ${certificate.serialNumber}`;
  return [check(!isRevoked(crl, certificate), name, code, text, "a certificate that is not revoked")];
}
