import { equalConstantTime, hex } from "@constellation/bytes";
import { digest } from "@constellation/crypto";
import { about, type Check } from "@constellation/verdict";
import {
  type Certificate,
  certificateName,
  type KeyUsage,
  parseCertificate,
  verifyChain,
  verifySignature,
  X509Error,
} from "@constellation/x509";
import type { TpmCertificateCode } from "./check-code.ts";

const { check, fail, pass } = about("runtime-opaque.operator");

/** What {@link verifyTpmCertificate} judges, and against what. */
export interface TpmCertificateInput {
  /** What checks are called after: `akCertificate` or `ekCertificate`. */
  readonly name: "akCertificate" | "ekCertificate";
  /** DER. */
  readonly certificate: Uint8Array;
  /** DER; an issuer is not trusted for being here. */
  readonly intermediates: readonly Uint8Array[];
  /** The pinned roots, which have signed themselves. An empty list trusts nobody. */
  readonly roots: readonly Certificate[];
  readonly now: Date;
  /** What the key is to be for: `sign` for an attestation key, `encrypt` for an endorsement key. */
  readonly usage: "sign" | "encrypt";
  /** SubjectPublicKeyInfo of the key that the certificate must be of; undefined where the certificate is all there is. */
  readonly spki: Uint8Array | undefined;
}

/** What came out; certificate and chain where the certificate could be read and there is a chain. */
export interface TpmCertificateResult {
  readonly checks: readonly Check<TpmCertificateCode>[];
  readonly certificate?: Certificate;
  /** Leaf first, root last. */
  readonly chain?: readonly Certificate[];
}

/** RFC 5280 section 4.2.1.3: what a key does that signs, and what one does that TPM2_MakeCredential encrypts to. */
const USAGES: Readonly<Record<TpmCertificateInput["usage"], readonly KeyUsage[]>> = {
  sign: ["digitalSignature"],
  encrypt: ["keyEncipherment", "keyAgreement"],
};

/**
 * Verifies that somebody whose root is pinned vouches for a TPM's key: a chain (RFC 5280 section 6.1), a leaf that is
 * no CA and for this use alone where it says for which, and the key asked for.
 */
export function verifyTpmCertificate(input: TpmCertificateInput): TpmCertificateResult {
  const { name } = input;
  let certificate: Certificate;
  try {
    certificate = parseCertificate(input.certificate);
  } catch (error) {
    return { checks: [refusal(`${name}.format`, "certificate", error)] };
  }
  const format = pass(`${name}.format`, { got: certificateName(certificate) });
  const chained = verifyRoots(certificate, input);
  const checks = [format, chained.check, verifyUsage(certificate, input), ...verifyKey(certificate, input)];
  return { checks, certificate, ...(chained.chain && { chain: chained.chain }) };
}

/**
 * A root that did not sign itself as it stands was damaged on its way, and is not used. One that is pinned and says that
 * another signed it is trusted as it stands (RFC 5280 section 6.1.1 (d)).
 */
function verifyRoots(
  leaf: Certificate,
  { name, intermediates, roots, now }: TpmCertificateInput,
): { check: Check<TpmCertificateCode>; chain?: readonly Certificate[] } {
  try {
    const chain = verifyChain({ leaf, intermediates: intermediates.map(parseCertificate), roots, now });
    const root = chain.at(-1) as Certificate;
    if (!isOfAnother(root)) verifySignature(root, root);
    return { check: pass(`${name}.chain`, { got: chain.map(certificateName).join(" <- ") }), chain };
  } catch (error) {
    return { check: refusal(`${name}.chain`, "chain", error) };
  }
}

const SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
const AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";

/**
 * Whether names and key identifiers (RFC 5280 sections 4.2.1.1, 4.2.1.2) both say that another key signed: by names alone,
 * a root with a damaged issuer would pass for one. Length and octets of a key's
 * stand behind the tag of the one, and behind three octets of the other.
 */
function isOfAnother({ subject, issuer, extensions }: Certificate): boolean {
  const value = (oid: string) => extensions.find((extension) => extension.oid === oid)?.value;
  const [own, authority] = [value(SUBJECT_KEY_IDENTIFIER), value(AUTHORITY_KEY_IDENTIFIER)];
  if (own === undefined || authority === undefined || equalConstantTime(subject.der, issuer.der)) return false;
  return !equalConstantTime(authority.subarray(3, 2 + own.length), own.subarray(1));
}

/** A key usage extension that is left out sets no limit (RFC 5280 section 4.2.1.3). */
function verifyUsage(
  { basicConstraints, keyUsage }: Certificate,
  input: TpmCertificateInput,
): Check<TpmCertificateCode> {
  const ca = basicConstraints?.ca === true;
  const got = [...(keyUsage ?? ["not limited"]), ...(ca ? ["CA"] : [])].join(" ");
  const allowed = USAGES[input.usage];
  const holds = !ca && (keyUsage === undefined || isFor(keyUsage, allowed));
  return check(holds, `${input.name}.usage`, "certificate_usage", got, `${allowed.join(" or ")}, no CA`);
}

function isFor(usages: readonly KeyUsage[], allowed: readonly KeyUsage[]): boolean {
  return usages.length > 0 && usages.every((usage) => allowed.includes(usage));
}

function verifyKey(certificate: Certificate, { name, spki }: TpmCertificateInput): Check<TpmCertificateCode>[] {
  if (spki === undefined) return [];
  const text = (bytes: Uint8Array): string => `SPKI sha256:${hex(digest("sha256", bytes))}`;
  const holds = equalConstantTime(certificate.spki, spki);
  return [check(holds, `${name}.key`, "certificate_key_mismatch", text(certificate.spki), text(spki))];
}

function refusal(name: string, prefix: "certificate" | "chain", error: unknown): Check<TpmCertificateCode> {
  if (!(error instanceof X509Error)) throw error;
  return fail<TpmCertificateCode>(name, `${prefix}_${error.code}`, { reason: error.message });
}
