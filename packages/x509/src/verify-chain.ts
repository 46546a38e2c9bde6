import { equalConstantTime } from "@constellation/bytes";
import { type Certificate, certificateName } from "./certificate.ts";
import { X509Error } from "./error.ts";
import { requireTime, verifyIssuer } from "./verify-issuer.ts";
import { verifySignature } from "./verify-signature.ts";

/** What `verifyChain` decides about. */
export interface ChainInput {
  readonly leaf: Certificate;
  /** Certificates that may stand between; supplied by the attester, so not trusted. */
  readonly intermediates: readonly Certificate[];
  /** The pinned trust anchors. An empty list trusts nobody. */
  readonly roots: readonly Certificate[];
  readonly now: Date;
}

/** Most certificates in a chain, leaf and root included. */
const MAX_CHAIN_LENGTH = 8;
/** Most issuer candidates looked at in one call; each may cost a signature check. */
const MAX_ATTEMPTS = 32;

interface Search extends ChainInput {
  attempts: number;
}

/**
 * Finds and verifies a chain from the leaf to one of the roots (RFC 5280 section 6.1). No certificate policy is asked
 * for, so policies that are not critical play no part; certificates that limit policies or names are refused, as
 * those limits are not processed. Checked for every certificate: validity at `now` and no unknown critical extension;
 * for every issuer, roots included: names equal as DER, CA bit, keyCertSign where key usage is given, path length,
 * signature. Returns the chain, leaf first, root last. Throws the `X509Error` of the first candidate that failed.
 */
export function verifyChain(input: ChainInput): Certificate[] {
  requireTime(input.now, "certificate chain");
  verifyCertificate(input.leaf, input.now);
  return extendChain([input.leaf], { ...input, attempts: 0 });
}

function extendChain(chain: readonly Certificate[], search: Search): Certificate[] {
  const last = chain.at(-1) as Certificate;
  const isIssuer = (candidate: Certificate) => equalConstantTime(candidate.subject.der, last.issuer.der);
  let failure: X509Error | undefined;
  for (const root of search.roots.filter(isIssuer)) {
    try {
      return verifyLink(chain, root, search);
    } catch (error) {
      failure = firstRefusal(failure, error);
    }
  }
  // One that is in the chain leads nowhere new; so does a root that came along with the intermediates.
  for (const intermediate of search.intermediates.filter((other) => isIssuer(other) && !contains(chain, other))) {
    try {
      return extendChain(verifyLink(chain, intermediate, search), search);
    } catch (error) {
      failure = firstRefusal(failure, error);
    }
  }
  throw failure ?? issuerUnknown(last);
}

/** Adds an issuer to a chain after all checks on it. */
function verifyLink(chain: readonly Certificate[], issuer: Certificate, search: Search): Certificate[] {
  search.attempts += 1;
  if (search.attempts > MAX_ATTEMPTS) {
    throw new X509Error(
      "too_many_attempts",
      `Verify certificate chain failed: got more than "${MAX_ATTEMPTS}" issuer candidates, wanted fewer`,
    );
  }
  verifyLength(chain, issuer);
  verifyCertificate(issuer, search.now);
  verifyIssuer(issuer, "keyCertSign");
  verifyPathLength(issuer, chain.length - 1);
  verifySignature(chain.at(-1) as Certificate, issuer);
  return [...chain, issuer];
}

function contains(chain: readonly Certificate[], certificate: Certificate): boolean {
  return chain.some(({ der }) => equalConstantTime(der, certificate.der));
}

function verifyLength(chain: readonly Certificate[], issuer: Certificate): void {
  if (contains(chain, issuer)) {
    throw new X509Error("loop", `Verify certificate chain failed: got "${issuer.subject.text}" twice, wanted it once`);
  }
  if (chain.length >= MAX_CHAIN_LENGTH) {
    throw new X509Error(
      "chain_too_long",
      `Verify certificate chain failed: got more than "${MAX_CHAIN_LENGTH}" certificates, wanted fewer`,
    );
  }
}

/** Checks that every certificate of a chain must pass, whatever its place. */
function verifyCertificate(certificate: Certificate, now: Date): void {
  const { notBefore, notAfter, unknownCritical } = certificate;
  const operation = `Verify certificate "${certificateName(certificate)}" failed`;
  if (now < notBefore) {
    throw new X509Error(
      "not_yet_valid",
      `${operation}: got "${now.toISOString()}", wanted "${notBefore.toISOString()}" or later`,
    );
  }
  if (now > notAfter) {
    throw new X509Error(
      "expired",
      `${operation}: got "${now.toISOString()}", wanted "${notAfter.toISOString()}" or earlier`,
    );
  }
  if (unknownCritical.length > 0) {
    throw new X509Error(
      "unknown_critical_extension",
      `${operation}: got critical extension "${unknownCritical.join(" ")}", wanted none unknown`,
    );
  }
}

/** RFC 5280 section 4.2.1.9; `below` counts the intermediates between this issuer and the leaf. */
function verifyPathLength({ subject, basicConstraints }: Certificate, below: number): void {
  const pathLength = basicConstraints?.pathLength ?? Number.POSITIVE_INFINITY;
  if (below > pathLength) {
    throw new X509Error(
      "path_length",
      `Verify issuer "${subject.text}" failed: got "${below}" intermediates below, wanted "${pathLength}" or fewer`,
    );
  }
}

function issuerUnknown({ issuer }: Certificate): X509Error {
  return new X509Error(
    "issuer_unknown",
    `Verify certificate chain failed: got issuer "${issuer.text}", wanted one among the roots and intermediates`,
  );
}

/** A refused candidate lets the search go on; an exhausted budget, or an error of another kind, ends it. */
function firstRefusal(first: X509Error | undefined, error: unknown): X509Error {
  if (error instanceof X509Error && error.code !== "too_many_attempts") return first ?? error;
  throw error;
}
