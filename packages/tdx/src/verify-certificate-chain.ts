import { equalConstantTime } from "@constellation/bytes";
import { check, fail, pass } from "@constellation/verdict";
import { type Certificate, verifyChain, X509Error } from "@constellation/x509";
import type { ChainName, Check } from "./check.ts";
import { commonNameOf } from "./common-name.ts";
import { TdxError } from "./error.ts";
import { parsePemChain, type PemChain } from "./pem-chain.ts";

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

/** A verified chain, leaf first and root last; none where a check failed. */
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
 * is the root itself. Names are part of it: all certificates of Intel's tree have one root, and only their names tell
 * the key that signs TCB info from that of a platform (Intel SGX PCK Certificate and CRL Profile Specification).
 */
export function verifyCertificateChain(
  pem: Uint8Array,
  spec: ChainSpec,
  roots: readonly Certificate[],
  now: Date,
): ChainResult {
  const { certificates, check: format } = readCertificates(pem, spec);
  if (certificates === undefined) return { checks: [format] };
  const linked = verifyLinks(certificates, spec, roots, now);
  const subject = verifySubjects(certificates, spec);
  const checks = [format, linked, subject];
  return checks.every(({ outcome }) => outcome === "pass") ? { checks, chain: certificates } : { checks };
}

function readCertificates(
  pem: Uint8Array,
  { name, code, commonNames }: ChainSpec,
): { certificates?: PemChain; check: Check } {
  const checkName = `${name}.format`;
  const wanted = `${commonNames.length + 1} certificates`;
  try {
    const certificates = parsePemChain(pem);
    const got = `${certificates.length} certificates`;
    if (certificates.length === commonNames.length + 1) {
      return { certificates, check: pass(checkName, { got, wanted }) };
    }
    return { check: fail(checkName, `${code}_count`, { got, wanted }) };
  } catch (error) {
    if (!(error instanceof TdxError)) throw error;
    return { check: fail(checkName, `${code}_format`, { reason: error.message }) };
  }
}

/** RFC 5280 section 6.1, and that the chain found is the one written out. */
function verifyLinks(
  certificates: PemChain,
  { name, code }: ChainSpec,
  roots: readonly Certificate[],
  now: Date,
): Check {
  const [leaf, ...issuers] = certificates;
  const checkName = `${name}.chain`;
  try {
    const chain = verifyChain({ leaf, intermediates: issuers.slice(0, -1), roots, now });
    return check(isSame(chain, certificates), checkName, `${code}_order`, describe(chain), describe(certificates));
  } catch (error) {
    if (!(error instanceof X509Error)) throw error;
    return fail(checkName, `${code}_${error.code}`, { reason: error.message });
  }
}

function verifySubjects(certificates: readonly Certificate[], { name, code, commonNames, leafIsCa }: ChainSpec): Check {
  const got = certificates.slice(0, -1).map(commonNameOf);
  const named = commonNames.every((allowed, index) => allowed.includes(got[index] ?? ""));
  const isCa = certificates[0]?.basicConstraints?.ca === true;
  return check(
    named && isCa === leafIsCa,
    `${name}.subject`,
    `${code}_subject`,
    [...got.map((text) => JSON.stringify(text ?? "")), isCa ? "CA" : "no CA"].join(", "),
    [...commonNames.map((allowed) => allowed.map((text) => `"${text}"`).join(" or ")), leafIsCa ? "CA" : "no CA"].join(
      ", ",
    ),
  );
}

function describe(chain: readonly Certificate[]): string {
  return chain.map(({ subject }) => subject.text).join(" <- ");
}

function isSame(found: readonly Certificate[], written: readonly Certificate[]): boolean {
  if (found.length !== written.length) return false;
  return found.every(({ der }, index) => equalConstantTime(der, (written[index] as Certificate).der));
}
