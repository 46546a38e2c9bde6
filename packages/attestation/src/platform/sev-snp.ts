import { BOUND_SEV_SNP_POLICY, type BoundSevSnpPolicy, judgeSevSnp, type SevSnpParts } from "@constellation/evidence";
import { blob, list, object } from "@constellation/fields";
import { bound, type Part } from "./part.ts";

const CERTIFICATE = blob(8 * 1024);
const CRL = blob(256 * 1024);

/** Fields of the endorsements that come along with a report. */
export const SEV_SNP_ENDORSEMENT_FIELDS = {
  endorsementCert: CERTIFICATE,
  caChain: list(CERTIFICATE),
  crls: list(CRL),
};

/** An SEV-SNP report that is bound to the channel by its REPORT_DATA. */
export const SEV_SNP_PART: Part<SevSnpParts, BoundSevSnpPolicy> = {
  evidence: object<SevSnpParts>({ report: blob(2048), ...SEV_SNP_ENDORSEMENT_FIELDS }),
  policy: BOUND_SEV_SNP_POLICY,
  judge: (evidence, policy, { reportData }, now) => {
    return judgeSevSnp(evidence, { ...policy, report: { ...policy.report, reportData: bound(reportData) } }, now);
  },
};
