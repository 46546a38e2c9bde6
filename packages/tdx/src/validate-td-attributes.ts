import { about } from "@constellation/verdict";
import type { Check } from "./check.ts";
import type { QuotePolicy, XfamPolicy } from "./policy.ts";
import { readTdAttributes, TD_ATTRIBUTES } from "./td-attributes.ts";
import type { TdReport } from "./td-report.ts";
import { readXfam } from "./xfam.ts";

const setting = about("configuration.setting");
/** What genuine hardware keeps to. */
const rule = about("configuration.detail");

/**
 * Validates TDATTRIBUTES bit by bit (Intel TDX Module Base Architecture Specification, ATTRIBUTES). Reserved bits must
 * be zero whatever the policy says: what they would allow is not known.
 */
export function validateTdAttributes({ TDATTRIBUTES }: TdReport, policy: QuotePolicy["TDATTRIBUTES"]): Check[] {
  const { flags, reserved } = readTdAttributes(TDATTRIBUTES);
  return [
    ...TD_ATTRIBUTES.map((name) => {
      if (name === "DEBUG") return validateDebug(flags.DEBUG, policy.DEBUG);
      return setting.expectValue(`TDATTRIBUTES.${name}`, "td_attributes", flags[name], policy[name]);
    }),
    rule.check(reserved === 0n, "TDATTRIBUTES.reserved", "td_attributes_reserved", hexText(reserved), hexText(0n)),
  ];
}

/** With DEBUG the host can read and change the TD's memory (the same, Debug TD), whether or not that is accepted. */
function validateDebug(got: boolean, policy: QuotePolicy["TDATTRIBUTES"]["DEBUG"]): Check {
  const { expectValue } = about(got ? "runtime-opaque.debug" : "runtime-opaque.memory");
  return expectValue("TDATTRIBUTES.DEBUG", "td_debug", got, policy);
}

/** Validates XFAM (the same, XFAM): bits without a feature must be zero, x87 and SSE on. */
export function validateXfam({ XFAM }: TdReport, policy: XfamPolicy): Check[] {
  const { value, reserved, hasFixed1 } = readXfam(XFAM);
  const isSound = reserved === 0n && hasFixed1;
  const wanted = "x87 and SSE, and no bits without a feature";
  return [expectXfam(value, policy), rule.check(isSound, "XFAM.reserved", "xfam_reserved", hexText(value), wanted)];
}

function expectXfam(value: bigint, policy: XfamPolicy): Check {
  const got = hexText(value);
  switch (policy.kind) {
    case "equal": {
      const wanted = policy.anyOf.map(hexText).join(" or ") || "none, the list is empty";
      return setting.check(policy.anyOf.includes(value), "XFAM", "xfam", got, wanted);
    }
    case "within":
      return setting.check(
        (value & ~policy.allowed) === 0n,
        "XFAM",
        "xfam",
        got,
        `none but ${hexText(policy.allowed)}`,
      );
    case "any":
      return setting.open("XFAM", policy.reason, { got });
  }
}

function hexText(value: bigint): string {
  return `0x${value.toString(16)}`;
}
