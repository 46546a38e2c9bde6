import type { Expectation } from "@constellation/verdict";
import type { QuotePolicy } from "./policy.ts";
import { TD_ATTRIBUTES, type TdAttribute } from "./td-attributes.ts";

type Any = Extract<Expectation<never>, { kind: "any" }>;

/** A policy that accepts every genuine quote, to be narrowed field by field. */
export function openQuotePolicy(any: Any): QuotePolicy {
  const attributes = Object.fromEntries(TD_ATTRIBUTES.map((name) => [name, any])) as Record<TdAttribute, Any>;
  return {
    MRSEAM: any,
    MRSIGNERSEAM: any,
    SEAMATTRIBUTES: any,
    TDATTRIBUTES: attributes,
    XFAM: any,
    MRTD: any,
    MRCONFIGID: any,
    MROWNER: any,
    MROWNERCONFIG: any,
    RTMR0: any,
    RTMR1: any,
    RTMR2: any,
    RTMR3: any,
    REPORTDATA: any,
    MRSERVICETD: any,
    tcb: any,
  };
}
