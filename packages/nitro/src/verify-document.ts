import { algorithmIdentifier, HEADER, type Sign1, verifySign1 } from "@constellation/cose";
import type { PublicKey } from "@constellation/crypto";
import { about, type Check } from "@constellation/verdict";
import {
  type Certificate,
  parseCertificate,
  publicKeyOf,
  verifyChain,
  verifySignature as verifyCertificateSignature,
  X509Error,
} from "@constellation/x509";
import { type AttestationDocument, parseDocument, type SignedDocument } from "./attestation-document.ts";
import type { VerifyCode } from "./check-code.ts";
import { NitroError } from "./error.ts";

const { check, fail, pass } = about("runtime-opaque.operator");

/** What `verifyDocument` judges. */
export interface VerifyDocumentInput {
  /** The COSE_Sign1 as the Nitro hypervisor gave it. */
  readonly document: Uint8Array;
  /** The pinned roots. An empty list trusts nobody. */
  readonly roots: readonly Certificate[];
  readonly now: Date;
}

/** Every check with its outcome; the document itself only where it is genuine. */
export type VerifiedDocument =
  | {
      readonly genuine: true;
      readonly checks: readonly Check<VerifyCode>[];
      readonly document: AttestationDocument;
      /** From the certificate that signed to the pinned root. */
      readonly chain: readonly Certificate[];
    }
  | { readonly genuine: false; readonly checks: readonly Check<VerifyCode>[] };

/** All checks in the order in which they are told. */
export const VERIFY_CHECKS = [
  "document",
  "protected",
  "unprotected",
  "certificate",
  "certificate.usage",
  "cabundle",
  "signature",
] as const;

type CheckName = (typeof VERIFY_CHECKS)[number];

/** What comes out of one check, and what it found for those after it. */
interface Finding<T> {
  readonly check: Check<VerifyCode>;
  readonly value?: T;
}

interface Signer {
  readonly certificate: Certificate;
  readonly key: PublicKey;
}

/**
 * Whether an attestation document is genuine: signed by a key that AWS's Nitro attestation PKI vouches for. Says nothing
 * on whether it is acceptable; see `validateDocument`. AWS publishes no CRLs for it: certificates live for hours or days.
 * Bad evidence never throws: each check is in the result, and one that could not run counts as failed.
 */
export function verifyDocument({ document: bytes, roots, now }: VerifyDocumentInput): VerifiedDocument {
  const parsed = verifyParse(bytes);
  if (parsed.value === undefined) return { genuine: false, checks: complete([parsed.check]) };
  const { message, document } = parsed.value;
  const signed = verifyCertificate(document.certificate);
  const chained = signed.value && verifyCabundle(signed.value.certificate, document.cabundle, roots, now);
  const checks = complete([
    parsed.check,
    verifyProtected(message),
    verifyUnprotected(message),
    signed.check,
    ...(signed.value ? [verifyUsage(signed.value.certificate), verifySignature(message, signed.value.key)] : []),
    ...(chained ? [chained.check] : []),
  ]);
  const chain = chained?.value;
  const genuine = checks.every(({ outcome }) => outcome !== "fail");
  return genuine && chain ? { genuine, checks, document, chain } : { genuine: false, checks };
}

/** All checks in their order; one that is missing did not run, and so failed. */
function complete(checks: readonly Check<VerifyCode>[]): Check<VerifyCode>[] {
  const byName = new Map(checks.map((done) => [done.name, done]));
  return VERIFY_CHECKS.map(
    (name) => byName.get(name) ?? fail(name, "not_checked", { reason: "a check before it failed" }),
  );
}

function verifyParse(bytes: Uint8Array): Finding<SignedDocument> {
  const name: CheckName = "document";
  try {
    const value = parseDocument(bytes);
    return { check: pass(name, { got: value.document.kind }), value };
  } catch (error) {
    if (!(error instanceof NitroError)) throw error;
    return { check: fail(name, error.code, { reason: error.message }) };
  }
}

/** AWS's "COSE and CBOR": the protected bucket is `{1: -35}`, which is ES384 (RFC 9053 section 2.1), and nothing else. */
function verifyProtected({ protectedHeader }: Sign1): Check<VerifyCode> {
  const wanted = `alg ${algorithmIdentifier("ES384")}`;
  const alg = protectedHeader.get(HEADER.ALG);
  const holds = alg === algorithmIdentifier("ES384") && protectedHeader.size === 1;
  const got = `alg ${typeof alg === "bigint" ? alg : "of another type or none"}, ${protectedHeader.size} parameters`;
  return check(holds, "protected" satisfies CheckName, "protected_alg", holds ? wanted : got, wanted);
}

/** AWS's "COSE and CBOR": there is nothing in the unprotected bucket, which anyone could change. */
function verifyUnprotected({ unprotectedHeader: { size } }: Sign1): Check<VerifyCode> {
  const name: CheckName = "unprotected";
  return check(size === 0, name, "unprotected_parameters", `${size} parameters`, "0 parameters");
}

function verifyCertificate(der: Uint8Array): Finding<Signer> {
  const name: CheckName = "certificate";
  try {
    const certificate = parseCertificate(der);
    const value = { certificate, key: publicKeyOf(certificate) };
    return { check: pass(name, { got: certificate.subject.text }), value };
  } catch (error) {
    return { check: refusal(name, "certificate", error) };
  }
}

/**
 * AWS's section 3.2.3.3: the target certificate has digitalSignature, and no path length, as it is no CA's. One that says
 * nothing of its use is not limited (RFC 5280 section 4.2.1.3).
 */
function verifyUsage({ basicConstraints, keyUsage }: Certificate): Check<VerifyCode> {
  const ca = basicConstraints?.ca === true;
  const holds = !ca && (keyUsage === undefined || keyUsage.includes("digitalSignature"));
  const got = [...(keyUsage ?? ["not limited"]), ...(ca ? ["CA"] : [])].join(" ");
  return check(holds, "certificate.usage" satisfies CheckName, "certificate_usage", got, "digitalSignature, no CA");
}

/**
 * The chain from the certificate over the bundle to a pinned root, all valid now (AWS's section 3.2.3, RFC 5280 section
 * 6.1), which has to have signed itself: one that was damaged on its way is not used. The root in the bundle is not
 * trusted for being there, and the order of the bundle plays no part.
 */
function verifyCabundle(
  leaf: Certificate,
  cabundle: readonly Uint8Array[],
  roots: readonly Certificate[],
  now: Date,
): Finding<readonly Certificate[]> {
  const name: CheckName = "cabundle";
  try {
    const value = verifyChain({ leaf, intermediates: cabundle.map(parseCertificate), roots, now });
    const root = value.at(-1) as Certificate;
    verifyCertificateSignature(root, root);
    return { check: pass(name, { got: value.map(({ subject }) => subject.text).join("; ") }), value };
  } catch (error) {
    return { check: refusal(name, "cabundle", error) };
  }
}

/** RFC 9052 section 4.4, with ES384 on P-384. */
function verifySignature(message: Sign1, key: PublicKey): Check<VerifyCode> {
  const holds = verifySign1(message, "ES384", key);
  const wanted = "the certificate's key over this document";
  return check(holds, "signature" satisfies CheckName, "signature_mismatch", holds ? wanted : "another", wanted);
}

/** A certificate that was not accepted, as a failed check; any other error goes on. */
function refusal(name: CheckName, prefix: "certificate" | "cabundle", error: unknown): Check<VerifyCode> {
  if (!(error instanceof X509Error)) throw error;
  return fail<VerifyCode>(name, `${prefix}_${error.code}`, { reason: error.message });
}
