import type { QuotePolicy } from "../policy.ts";
import { TD_ATTRIBUTES, type TdAttribute } from "../td-attributes.ts";

/** A policy that leaves everything open, to be narrowed field by field. */
export function openPolicy(reason: string): QuotePolicy {
  const any = { kind: "any", reason } as const;
  const attributes = Object.fromEntries(TD_ATTRIBUTES.map((name) => [name, any])) as Record<TdAttribute, typeof any>;
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
