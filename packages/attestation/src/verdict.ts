import type { Json } from "@constellation/fields";
import type { FailedCheck, Verdict as AnyVerdict } from "@constellation/verdict";
import { AttestationError } from "./error.ts";
import type { Policy } from "./policy.ts";

/** What the evidence says of its machine. To be believed only where the verdict is "accepted". */
export interface Claims {
  /** Digest of what the machine is known by, hexadecimal: the ekDigest where there is one; see `machineClaims`. */
  readonly machine?: string;
  /** The register that holds the ID of the machine's cluster, hexadecimal; see `clusterRegisterOf`. */
  readonly clusterRegister?: string;
  /** SHA-256 of the endorsement key's SubjectPublicKeyInfo, hexadecimal: the identity of the machine. */
  readonly ekDigest?: string;
  /** SHA-256 values of PCR 0 to 15, hexadecimal. */
  readonly pcrs?: Readonly<Record<string, string>>;
  /** Subjects from the AK certificate to its root, for people. */
  readonly chain?: readonly string[];
  /** What evidence of real hardware says, by its parts. */
  readonly platform?: { readonly [part: string]: Json };
}

/** The result of appraising evidence: every check of the variant with its outcome. */
export interface Verdict extends AnyVerdict<Claims> {
  readonly variant: Policy["variant"];
  /** Whose word the verdict rests on, beside that of the keys that the policy pins; for people. */
  readonly trust: readonly string[];
}

/** Refuses where the verdict does. Throws `AttestationError` with the code of the first check that failed. */
export function requireAccepted(verdict: Verdict): void {
  const failed = verdict.checks.find((check) => check.outcome === "fail");
  if (failed !== undefined) throw new AttestationError(failed.code, refusal(failed));
  if (!verdict.accepted || verdict.checks.length === 0) {
    throw new AttestationError(
      "not_checked",
      "Appraise evidence failed: got a verdict without checks, wanted all checks",
    );
  }
}

function refusal({ name, got, wanted, reason }: FailedCheck): string {
  const details = [
    ...(got === undefined ? [] : [`got ${got}`]),
    ...(wanted === undefined ? [] : [`wanted ${wanted}`]),
    ...(reason === undefined ? [] : [reason]),
  ];
  return `Appraise evidence failed: check "${name}": ${details.join(", ")}`;
}
