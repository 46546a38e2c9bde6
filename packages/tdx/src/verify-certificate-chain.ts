import { equalConstantTime } from "@constellation/bytes";
import { about } from "@constellation/verdict";
import { type Certificate, verifyChain, verifySignature, X509Error } from "@constellation/x509";
import { attempt } from "./attempt.ts";
import type { ChainName, Check } from "./check.ts";
import { TdxError } from "./error.ts";
import { type KnownCertificates, parsePemChain, type PemChain } from "./pem-chain.ts";

const { check, fail, pass } = about("hardware.genuine");

/** A chain to be verified. */
export interface ChainSpec {
  /** What its checks are named by. */
  readonly name: string;
  readonly code: ChainName;
  /** Common names that each certificate may have, leaf first, the root left out. */
  readonly commonNames: readonly (readonly string[])[];
  /** Whether the leaf issues others. */
  readonly leafIsCa: boolean;
}

/** A verified chain, leaf first and pinned root last; none where a check failed. */
export interface ChainResult {
  readonly checks: readonly Check[];
  readonly chain?: readonly Certificate[];
}

/** The names of a chain's checks. */
export function chainChecks(name: string): string[] {
  return [`${name}.format`, `${name}.chain`, `${name}.subject`];
}

/**
 * Verifies a chain that is written out down to a pinned root: each certificate is issued by the next, and the last one
 * is the root, in the pinned certificate or in another that Intel made for the same key. Names are part of it: all
 * certificates of Intel's tree have one root, and only their names tell the key that signs TCB info from that of a
 * platform (Intel SGX PCK Certificate and CRL Profile Specification).
 */
export function verifyCertificateChain(
  pem: Uint8Array,
  spec: ChainSpec,
  roots: readonly Certificate[],
  now: Date,
  known?: KnownCertificates,
): ChainResult {
  const { certificates, check: format } = readCertificates(pem, spec, known);
  if (certificates === undefined) return { checks: [format] };
  const { chain, check: linked } = verifyLinks(certificates, spec, roots, now);
  const subject = verifySubjects(certificates, spec);
  const checks = [format, linked, subject];
  return chain && checks.every(({ outcome }) => outcome === "pass") ? { checks, chain } : { checks };
}

function readCertificates(
  pem: Uint8Array,
  { name, code, commonNames }: ChainSpec,
  known: KnownCertificates | undefined,
): { certificates?: PemChain; check: Check } {
  const checkName = `${name}.format`;
  const wanted = `${commonNames.length + 1} certificates`;
  const { value: certificates, error } = attempt([TdxError], () => parsePemChain(pem, known));
  if (error) return { check: fail(checkName, `${code}_format`, { reason: error.message }) };
  const got = `${certificates.length} certificates`;
  if (certificates.length !== commonNames.length + 1) {
    return { check: fail(checkName, `${code}_count`, { got, wanted }) };
  }
  return { certificates, check: pass(checkName, { got, wanted }) };
}

/** RFC 5280 section 6.1, and that the chain found is the one written out. */
function verifyLinks(
  certificates: PemChain,
  { name, code }: ChainSpec,
  roots: readonly Certificate[],
  now: Date,
): { chain?: readonly Certificate[]; check: Check } {
  const [leaf, ...issuers] = certificates;
  const checkName = `${name}.chain`;
  const intermediates = issuers.slice(0, -1);
  const { value: chain, error } = attempt([X509Error], () => verifyChain({ leaf, intermediates, roots, now }));
  if (error) return { check: fail(checkName, `${code}_${error.code}`, { reason: error.message }) };
  const holds = isSameChain(chain, certificates);
  return { chain, check: check(holds, checkName, `${code}_order`, describe(chain), describe(certificates)) };
}

function verifySubjects(certificates: PemChain, { name, code, commonNames, leafIsCa }: ChainSpec): Check {
  const names = certificates.slice(0, -1).map(({ subject }) => subject.commonName);
  const named = commonNames.every((allowed, index) => allowed.some((text) => text === names[index]));
  const isCa = certificates[0].basicConstraints?.ca === true;
  const got = [...names.map(quoted), caText(isCa)].join(", ");
  const wanted = [...commonNames.map((allowed) => allowed.map(quoted).join(" or ")), caText(leafIsCa)].join(", ");
  return check(named && isCa === leafIsCa, `${name}.subject`, `${code}_subject`, got, wanted);
}

function quoted(commonName: string | undefined): string {
  return commonName === undefined ? "no single common name" : JSON.stringify(commonName);
}

function caText(isCa: boolean): string {
  return isCa ? "CA" : "no CA";
}

function describe(chain: readonly Certificate[]): string {
  return chain.map(({ subject }) => subject.text).join(" <- ");
}

function isSameChain(found: readonly Certificate[], written: PemChain): boolean {
  return (
    found.length === written.length &&
    found.every((certificate, index) => isSame(certificate, written[index] as Certificate))
  );
}

/**
 * RFC 5280 section 6.1.1 (d): a trust anchor is a name and a key. Intel's root has had certificates of other validity
 * (until 2033, until 2049) for one key, and platforms may show either. Both have signed themselves: a certificate that
 * was damaged on its way is not used, pinned or not. Only the last of a chain that was found has signed itself.
 */
function isSame(found: Certificate, written: Certificate): boolean {
  if (equalConstantTime(found.der, written.der)) return true;
  const isSameAnchor =
    equalConstantTime(found.subject.der, written.subject.der) && equalConstantTime(found.spki, written.spki);
  return isSameAnchor && [found, written].every(isSelfSigned);
}

function isSelfSigned(certificate: Certificate): boolean {
  return attempt([X509Error], () => verifySignature(certificate, certificate)).error === undefined;
}
