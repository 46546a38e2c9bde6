import { expectMinimum, TIMES } from "@constellation/verdict";
import type { Check } from "./check.ts";
import type { CrlPolicy } from "./policy.ts";

/** When each CRL of collateral was issued. */
export type CrlUpdates = Readonly<Record<keyof CrlPolicy, Date>>;

/** Whether the CRLs are recent enough: one from before a revocation is current until its nextUpdate, and silent on it. */
export function validateCrls({ rootCaCrl, pckCrl }: CrlUpdates, policy: CrlPolicy): Check[] {
  const aspect = "hardware.detail";
  return [
    expectMinimum(aspect, "rootCaCrl.thisUpdate", "root_ca_crl_this_update", rootCaCrl, policy.rootCaCrl, TIMES),
    expectMinimum(aspect, "pckCrl.thisUpdate", "pck_crl_this_update", pckCrl, policy.pckCrl, TIMES),
  ];
}
