import { check, expectValue } from "@constellation/verdict";
import type { Check } from "./check.ts";
import type { QuotePolicy, XfamPolicy } from "./policy.ts";
import { readTdAttributes, TD_ATTRIBUTES } from "./td-attributes.ts";
import type { TdReport } from "./td-report.ts";
import { readXfam } from "./xfam.ts";

/**
 * Validates TDATTRIBUTES bit by bit (Intel TDX Module Base Architecture Specification, ATTRIBUTES). Reserved bits must
 * be zero whatever the policy says: what they would allow is not known.
 */
export function validateTdAttributes({ TDATTRIBUTES }: TdReport, policy: QuotePolicy["TDATTRIBUTES"]): Check[] {
  const { flags, reserved } = readTdAttributes(TDATTRIBUTES);
  return [
    ...TD_ATTRIBUTES.map((name) => {
      const code = name === "DEBUG" ? "td_debug" : "td_attributes";
      return expectValue(`TDATTRIBUTES.${name}`, code, flags[name], policy[name]);
    }),
    check(reserved === 0n, "TDATTRIBUTES.reserved", "td_attributes_reserved", hexText(reserved), hexText(0n)),
  ];
}

/** Validates XFAM (the same, XFAM): bits without a feature must be zero, x87 and SSE on. */
export function validateXfam({ XFAM }: TdReport, policy: XfamPolicy): Check[] {
  const { value, reserved, hasFixed1 } = readXfam(XFAM);
  const isSound = reserved === 0n && hasFixed1;
  const wanted = "x87 and SSE, and no bits without a feature";
  return [expectXfam(value, policy), check(isSound, "XFAM.reserved", "xfam_reserved", hexText(value), wanted)];
}

function expectXfam(value: bigint, policy: XfamPolicy): Check {
  const got = hexText(value);
  switch (policy.kind) {
    case "equal": {
      const wanted = policy.anyOf.map(hexText).join(" or ") || "none, the list is empty";
      return check(policy.anyOf.includes(value), "XFAM", "xfam", got, wanted);
    }
    case "within":
      return check((value & ~policy.allowed) === 0n, "XFAM", "xfam", got, `none but ${hexText(policy.allowed)}`);
    case "any":
      return { name: "XFAM", outcome: "accepted-by-choice", got, wanted: "any", reason: policy.reason };
  }
}

function hexText(value: bigint): string {
  return `0x${value.toString(16)}`;
}
