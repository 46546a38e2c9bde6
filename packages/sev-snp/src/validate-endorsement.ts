import { equalConstantTime } from "@constellation/bytes";
import { about, type Check, type Expectation, expectMinimum, type Minimum, TIMES } from "@constellation/verdict";
import { type Certificate, parseCrl } from "@constellation/x509";
import type { EndorsementCode } from "./check-code.ts";
import type { Endorsement } from "./endorsement.ts";

/** Of which providers VLEKs may be; "absent" takes VCEKs only, which are of a chip and of no provider. */
export type CspIdExpectation = Expectation<string> | { readonly kind: "absent" };

/**
 * Whether the endorsement certificate is of a provider that the policy wants (AMD 57230 section 3.1, CSP_ID): any
 * provider whom AMD gave a VLEK can endorse reports with it, on its own machines.
 */
export function validateCspId({ kind, cspId }: Endorsement, expected: CspIdExpectation): Check<EndorsementCode> {
  const { check, fail, open, expectValue } = about("instance-identity.group");
  const name = "endorsementCert.cspId";
  const got = cspId ?? `none, in a ${kind}`;
  if (expected.kind === "absent") return check(cspId === undefined, name, "csp_id", got, "none, in a VCEK");
  if (expected.kind === "any") return open(name, expected.reason, { got });
  if (cspId === undefined) return fail(name, "csp_id", { got, wanted: `a VLEK of ${expected.anyOf.join(" or ")}` });
  return expectValue(name, "csp_id", cspId, expected);
}

/** When the newest of the ARK's CRLs was issued. Only for CRLs that `verifyReport` took, with the chain that it found. */
export function newestCrlUpdate(crls: readonly Uint8Array[], chain: readonly Certificate[]): Date {
  const root = chain.at(-1) as Certificate;
  const own = crls.map(parseCrl).filter(({ issuer }) => equalConstantTime(issuer.der, root.subject.der));
  return new Date(Math.max(...own.map(({ thisUpdate }) => thisUpdate.getTime())));
}

/**
 * Whether the newest of the ARK's CRLs is recent enough (RFC 5280 section 5.1.2.4, thisUpdate): one from before a
 * revocation is current until its nextUpdate, which may be a year.
 */
export function validateCrlAge(newest: Date, least: Minimum<Date>): Check<EndorsementCode> {
  return expectMinimum("hardware.detail", "caChain.crl.thisUpdate", "crl_this_update", newest, least, TIMES);
}
