import { equalConstantTime, fromHex, hex } from "@constellation/bytes";
import { type Check, check, fail } from "../check.ts";
import { PCR_INDICES, type PcrIndex } from "../pcr-index.ts";
import type { PcrPolicy } from "../policy.ts";

const ZERO = new Uint8Array(32);

/** Validates each PCR by the policy's rule for it. */
export function validatePcrs(
  pcrs: ReadonlyMap<number, Uint8Array>,
  policy: Readonly<Record<PcrIndex, PcrPolicy>>,
): Check[] {
  return PCR_INDICES.map((index) => validatePcr(`pcr[${index}]`, pcrs.get(Number(index)) as Uint8Array, policy[index]));
}

function validatePcr(name: string, value: Uint8Array, policy: PcrPolicy): Check {
  const got = hex(value);
  switch (policy.kind) {
    case "equal": {
      const holds = policy.anyOf.filter((allowed) => equalConstantTime(fromHex(allowed), value)).length > 0;
      return check(holds, name, "pcr_mismatch", got, oneOf(policy.anyOf));
    }
    case "nonzero":
      if (equalConstantTime(value, ZERO)) return fail(name, "pcr_zero", { got, wanted: "any but zeros" });
      return { name, outcome: "accepted-by-choice", got, wanted: "any but zeros", reason: policy.reason };
    case "any":
      return { name, outcome: "accepted-by-choice", got, wanted: "any", reason: policy.reason };
  }
}

function oneOf(values: readonly string[]): string {
  return values.length === 0 ? "none, the list is empty" : values.join(" or ");
}
