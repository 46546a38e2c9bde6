import { equalConstantTime, fromHex } from "@constellation/bytes";
import { about, type Check } from "../check.ts";
import type { EndorsementPolicy } from "../policy.ts";

const { check, open } = about("instance-identity.machine");

/** Validates that the machine is one that the policy accepts. No check where there is no identity to judge. */
export function validateEndorsement(ekDigest: string | undefined, policy: EndorsementPolicy): Check[] {
  if (ekDigest === undefined) return [];
  const name = "endorsement";
  if (policy.kind === "anyOfRoots") {
    return [open(name, policy.reason, { got: ekDigest, wanted: "any under the roots" })];
  }
  const got = fromHex(ekDigest);
  const holds = policy.ekDigests.filter((allowed) => equalConstantTime(fromHex(allowed), got)).length > 0;
  return [check(holds, name, "endorsement_not_allowed", ekDigest, oneOf(policy.ekDigests))];
}

function oneOf(values: readonly string[]): string {
  return values.length === 0 ? "none, the list is empty" : values.join(" or ");
}
