import { equalConstantTime } from "@constellation/bytes";
import { about, type Check } from "@constellation/verdict";
import {
  type Certificate,
  isRevoked,
  parseCertificate,
  parseCrl,
  verifyChain,
  verifyCrl,
  verifySignature,
  X509Error,
} from "@constellation/x509";
import type { VerifyCode } from "./check-code.ts";
import { type Endorsement, readEndorsement } from "./endorsement.ts";
import { SevSnpError } from "./error.ts";

const { check, fail, open, pass } = about("hardware.genuine");

/** How revocation is decided. */
export type Revocation =
  /** CRLs in DER; one or more must be of the ARK at the end of the chain. Those of other issuers are left aside. */
  | { readonly kind: "crls"; readonly crls: readonly Uint8Array[] }
  /** By choice. */
  | { readonly kind: "unchecked"; readonly reason: string };

/** What comes out of one check, and what it found for those after it. */
export interface Finding<T> {
  readonly check: Check<VerifyCode>;
  readonly value?: T;
}

/** Most certificates that a CA chain may hold. */
const MAX_CA_CERTIFICATES = 8;

/** Reads the endorsement certificate (DER). */
export function verifyEndorsementCert(der: Uint8Array): Finding<Endorsement> {
  const name = "endorsementCert";
  try {
    const endorsement = readEndorsement(parseCertificate(der));
    const { kind, productName } = endorsement;
    return { check: pass(name, { got: `${kind} of ${productName}` }), value: endorsement };
  } catch (error) {
    if (error instanceof SevSnpError) {
      return { check: fail(name, "endorsement_cert_profile", { reason: error.message }) };
    }
    return { check: refusal(name, "endorsement_cert", error) };
  }
}

/**
 * Verifies the chain from the endorsement certificate over the ASK or ASVK to a pinned ARK, and that the ARK signed
 * itself: a root that was damaged on its way is not used (AMD 57230 section 2.3, RFC 5280 section 6.1).
 */
export function verifyCaChain(
  { certificate }: Endorsement,
  caChain: readonly Uint8Array[],
  roots: readonly Certificate[],
  now: Date,
): Finding<readonly Certificate[]> {
  const name = "caChain";
  if (caChain.length > MAX_CA_CERTIFICATES) {
    const details = { got: `${caChain.length} certificates`, wanted: `${MAX_CA_CERTIFICATES} or fewer` };
    return { check: fail(name, "ca_chain_too_many_attempts", details) };
  }
  try {
    const intermediates = caChain.map(parseCertificate);
    // A pinned ASK is nobody's root: with it as an anchor the ARK, pinned or not, would not be reached.
    const arks = roots.filter(({ subject, issuer }) => equalConstantTime(subject.der, issuer.der));
    const chain = verifyChain({ leaf: certificate, intermediates, roots: arks, now });
    const root = chain.at(-1) as Certificate;
    verifySignature(root, root);
    return { check: pass(name, { got: chain.map(({ subject }) => subject.text).join("; ") }), value: chain };
  } catch (error) {
    return { check: refusal(name, "ca_chain", error) };
  }
}

/**
 * Checks that a VCEK is under an ASK, a VLEK under an ASVK, and both under the ARK of the leaf's product line: a root
 * that stands for several intermediates does not stand for each in every role (AMD 57230 section 2.3, tables 7 and 8).
 */
export function verifyIssuers(endorsement: Endorsement, chain: readonly Certificate[]): Check<VerifyCode> {
  const { kind, product } = endorsement;
  const wanted = [kind === "VCEK" ? `SEV-${product}` : `SEV-VLEK-${product}`, `ARK-${product}`];
  const got = chain.slice(1).map(({ subject }) => subject.commonName ?? "no single common name");
  const holds = got.length === wanted.length && wanted.every((name, index) => got[index] === name);
  return check(holds, "caChain.issuers", "ca_chain_profile", got.join(", "), wanted.join(", "));
}

/**
 * Checks ASK or ASVK and ARK against the CRLs, which the ARK signs (AMD 57230 sections 2.2 and 4.3). AMD does not
 * revoke single VCEKs: their certificates all bear serial number zero, and they fall with their TCB.
 */
export function verifyRevocation(revocation: Revocation, chain: readonly Certificate[], now: Date): Check<VerifyCode> {
  const name = "caChain.revocation";
  if (revocation.kind === "unchecked") {
    return open(name, revocation.reason);
  }
  try {
    return verifyCrls(name, revocation.crls, chain, now);
  } catch (error) {
    return refusal(name, "revocation", error);
  }
}

function verifyCrls(
  name: string,
  ders: readonly Uint8Array[],
  chain: readonly Certificate[],
  now: Date,
): Check<VerifyCode> {
  const root = chain.at(-1) as Certificate;
  const crls = ders.map(parseCrl).filter(({ issuer }) => equalConstantTime(issuer.der, root.subject.der));
  for (const crl of crls) verifyCrl(crl, root, now);
  if (crls.length === 0) {
    return fail(name, "revocation_crl_missing", { got: "no CRL", wanted: `a CRL of ${root.subject.text}` });
  }
  // Certificates that the ARK issued: the ASK or ASVK, and itself.
  const issued = chain.slice(1);
  const revoked = issued.filter((certificate) => crls.some((crl) => isRevoked(crl, certificate)));
  const got = revoked.length === 0 ? "none" : revoked.map(({ subject }) => subject.text).join("; ");
  return check(revoked.length === 0, name, "revocation_revoked", got, "none");
}

/** A certificate or CRL that was not accepted, as a failed check; any other error goes on. */
function refusal<Prefix extends "endorsement_cert" | "ca_chain" | "revocation">(
  name: string,
  prefix: Prefix,
  error: unknown,
): Check<VerifyCode> {
  if (!(error instanceof X509Error)) throw error;
  return fail<VerifyCode>(name, `${prefix}_${error.code}`, { reason: error.message });
}
