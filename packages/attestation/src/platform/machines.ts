import { equalConstantTime, hex } from "@constellation/bytes";
import { bytes, choice, type Field, list, REASON } from "@constellation/fields";
import { about, type Check } from "@constellation/verdict";

/** Which machines are accepted, by their digests; see `machineDigest`. */
export type MachinesPolicy =
  /** One of these. An empty list accepts nobody. */
  | { readonly kind: "anyOf"; readonly digests: readonly Uint8Array[] }
  /** Every machine whose evidence is accepted otherwise, by choice. */
  | { readonly kind: "any"; readonly reason: string };

/** {@link MachinesPolicy} as a document. */
export const MACHINES_POLICY: Field<MachinesPolicy> = choice<MachinesPolicy>({
  anyOf: { digests: list(bytes(32)) },
  any: { reason: REASON },
});

/** A list of machines is a group: on some variants the host chooses what a machine is known by. */
const { check, fail, open } = about("instance-identity.group");

const NAME = "machine";

/** Validates that the machine is one that the policy accepts. */
export function validateMachine(digest: Uint8Array | undefined, policy: MachinesPolicy): Check {
  const got = digest === undefined ? "none" : hex(digest);
  if (policy.kind === "any") return open(NAME, policy.reason, { got });
  const wanted = policy.digests.length === 0 ? "none, the list is empty" : policy.digests.map(hex).join(" or ");
  if (digest === undefined) return fail(NAME, "machine_unknown", { got, wanted });
  const holds = policy.digests.filter((allowed) => equalConstantTime(allowed, digest)).length > 0;
  return check(holds, NAME, "machine_not_allowed", got, wanted);
}
