import { expectMinimum, TIMES } from "@constellation/verdict";
import { parseCrl } from "@constellation/x509";
import type { Check } from "./check.ts";
import type { Collateral } from "./collateral.ts";
import type { CrlPolicy } from "./policy.ts";

/** When each CRL of collateral was issued. */
export type CrlUpdates = Readonly<Record<keyof CrlPolicy, Date>>;

/** When the CRLs were issued. Only for collateral that `verifyQuote` took. */
export function crlUpdatesOf({ rootCaCrl, pckCrl }: Pick<Collateral, keyof CrlPolicy>): CrlUpdates {
  return { rootCaCrl: parseCrl(rootCaCrl).thisUpdate, pckCrl: parseCrl(pckCrl).thisUpdate };
}

/** Whether the CRLs are recent enough: one from before a revocation is current until its nextUpdate, and silent on it. */
export function validateCrls({ rootCaCrl, pckCrl }: CrlUpdates, policy: CrlPolicy): Check[] {
  const aspect = "hardware.detail";
  return [
    expectMinimum(aspect, "rootCaCrl.thisUpdate", "root_ca_crl_this_update", rootCaCrl, policy.rootCaCrl, TIMES),
    expectMinimum(aspect, "pckCrl.thisUpdate", "pck_crl_this_update", pckCrl, policy.pckCrl, TIMES),
  ];
}
