import { shown } from "@constellation/fields";
import { type Certificate, parseCertificate, subjectAltNameUris, verifyChain, X509Error } from "@constellation/x509";
import { about, type Check, type FailedCheck } from "../check.ts";
import { DIGEST_HEX } from "../pcr-index.ts";

const { check, fail, pass } = about("runtime-opaque.operator");

/** What a verified AK certificate gives to the checks after it. */
export interface AkCertificateResult {
  readonly checks: readonly Check[];
  readonly certificate?: Certificate;
  /** From the AK certificate to the root that the policy pins. */
  readonly chain?: readonly Certificate[];
  readonly ekDigest?: string;
}

const EK_DIGEST_URI = "urn:constellation:ek-sha256:";

/**
 * Verifies that a TPM CA of the policy vouches for the attestation key, and reads the endorsement identity that the CA
 * has bound it to (by credential activation, when the machine was made).
 */
export function verifyAkCertificate(der: Uint8Array, roots: readonly Certificate[], now: Date): AkCertificateResult {
  let certificate: Certificate;
  try {
    certificate = parseCertificate(der);
  } catch (error) {
    return { checks: [certificateFailure("akCertificate.format", error)] };
  }
  const format = pass("akCertificate.format", { got: `"${certificate.subject.text}"` });
  const usage = verifyUsage(certificate);
  const { chain, check: chainCheck } = verifyRoots(certificate, roots, now);
  const { ekDigest, check: ekDigestCheck } = readEkDigest(certificate);
  return {
    checks: [format, chainCheck, usage, ekDigestCheck],
    certificate,
    ...(chain && { chain }),
    ...(ekDigest !== undefined && { ekDigest }),
  };
}

function verifyRoots(
  leaf: Certificate,
  roots: readonly Certificate[],
  now: Date,
): { chain?: readonly Certificate[]; check: Check } {
  try {
    const chain = verifyChain({ leaf, intermediates: [], roots, now });
    return {
      chain,
      check: pass("akCertificate.chain", { got: chain.map(({ subject }) => subject.text).join(" <- ") }),
    };
  } catch (error) {
    return { check: certificateFailure("akCertificate.chain", error) };
  }
}

/** A certificate that may sign, and may not issue others. */
function verifyUsage({ basicConstraints, keyUsage }: Certificate): Check {
  const ca = basicConstraints?.ca === true;
  const got = `"${[...(keyUsage ?? []), ...(ca ? ["CA"] : [])].join(" ")}"`;
  const holds = !ca && keyUsage?.length === 1 && keyUsage[0] === "digitalSignature";
  return check(holds, "akCertificate.usage", "ak_certificate_usage", got, '"digitalSignature"');
}

/** Exactly one URI states the endorsement key, so that nobody can choose between two. */
function readEkDigest(certificate: Certificate): { ekDigest?: string; check: Check } {
  const name = "akCertificate.ekDigest";
  const wanted = `one URI "${EK_DIGEST_URI}<hex>"`;
  const [uri, ...others] = subjectAltNameUris(certificate).filter((text) => text.startsWith(EK_DIGEST_URI));
  if (uri === undefined) return { check: fail(name, "ek_digest_missing", { got: "none", wanted }) };
  if (others.length > 0) {
    return { check: fail(name, "ek_digest_ambiguous", { got: `${others.length + 1} URIs`, wanted }) };
  }
  const ekDigest = uri.slice(EK_DIGEST_URI.length);
  if (!DIGEST_HEX.test(ekDigest)) {
    return { check: fail(name, "ek_digest_malformed", { got: shown(uri), wanted }) };
  }
  return { ekDigest, check: pass(name, { got: ekDigest }) };
}

function certificateFailure(name: string, error: unknown): FailedCheck {
  if (!(error instanceof X509Error)) throw error;
  return fail(name, `ak_certificate_${error.code}`, { reason: error.message });
}
