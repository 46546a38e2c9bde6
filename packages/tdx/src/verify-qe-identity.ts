import { equalConstantTime, hex } from "@constellation/bytes";
import { about } from "@constellation/verdict";
import type { Check } from "./check.ts";
import type { EnclaveReport } from "./enclave-report.ts";
import { equalUnderMask } from "./masked.ts";
import type { QeIdentity } from "./qe-identity.ts";

const { check } = about("hardware.genuine");

/** Every check of the quoting enclave's identity, in the order of the verdict. */
export const QE_IDENTITY_CHECKS: readonly string[] = [
  "qeIdentity.id",
  "qeReport.MRSIGNER",
  "qeReport.ISVPRODID",
  "qeReport.MISCSELECT",
  "qeReport.ATTRIBUTES",
];

/**
 * Verifies that the enclave that vouches for the attestation key is Intel's TD quoting enclave, and no debug one (Intel
 * PCS API v4, Enclave Identity, steps 2 to 4).
 */
export function verifyQeIdentity(qeReport: EnclaveReport, identity: QeIdentity): Check[] {
  const { MRSIGNER, ISVPRODID, MISCSELECT, ATTRIBUTES } = qeReport;
  const { mrsigner, isvprodid, miscselect, miscselectMask, attributes, attributesMask } = identity;
  const isIntel = equalConstantTime(MRSIGNER, mrsigner);
  const hasMisc = equalUnderMask(MISCSELECT, miscselectMask, miscselect);
  const hasAttributes = equalUnderMask(ATTRIBUTES, attributesMask, attributes);
  const masked = (value: Uint8Array, mask: Uint8Array) => `${hex(value)} under mask ${hex(mask)}`;
  return [
    check(identity.id === "TD_QE", "qeIdentity.id", "qe_identity_id", `"${identity.id}"`, '"TD_QE"'),
    check(isIntel, "qeReport.MRSIGNER", "qe_mrsigner", hex(MRSIGNER), hex(mrsigner)),
    check(ISVPRODID === isvprodid, "qeReport.ISVPRODID", "qe_isvprodid", String(ISVPRODID), String(isvprodid)),
    check(hasMisc, "qeReport.MISCSELECT", "qe_miscselect", hex(MISCSELECT), masked(miscselect, miscselectMask)),
    check(hasAttributes, "qeReport.ATTRIBUTES", "qe_attributes", hex(ATTRIBUTES), masked(attributes, attributesMask)),
  ];
}
