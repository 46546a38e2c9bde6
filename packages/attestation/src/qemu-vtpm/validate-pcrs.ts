import { equalConstantTime, fromHex, hex } from "@constellation/bytes";
import { pcrAspect } from "@constellation/verdict";
import { about, type Check } from "../check.ts";
import { PCR_INDICES, type PcrIndex } from "../pcr-index.ts";
import type { PcrPolicy } from "../policy.ts";

const ZERO = new Uint8Array(32);

/** Validates each PCR by the policy's rule for it. */
export function validatePcrs(
  pcrs: ReadonlyMap<number, Uint8Array>,
  policy: Readonly<Record<PcrIndex, PcrPolicy>>,
): Check[] {
  return PCR_INDICES.map((index) => validatePcr(Number(index), pcrs.get(Number(index)) as Uint8Array, policy[index]));
}

function validatePcr(index: number, value: Uint8Array, policy: PcrPolicy): Check {
  const { check, fail, open } = about(pcrAspect(index, value));
  const name = `pcr[${index}]`;
  const got = hex(value);
  switch (policy.kind) {
    case "equal": {
      const holds = policy.anyOf.filter((allowed) => equalConstantTime(fromHex(allowed), value)).length > 0;
      return check(holds, name, "pcr_mismatch", got, oneOf(policy.anyOf));
    }
    case "nonzero":
      if (equalConstantTime(value, ZERO)) return fail(name, "pcr_zero", { got, wanted: "any but zeros" });
      return open(name, policy.reason, { got, wanted: "any but zeros" });
    case "any":
      return open(name, policy.reason, { got });
  }
}

function oneOf(values: readonly string[]): string {
  return values.length === 0 ? "none, the list is empty" : values.join(" or ");
}
