import { BOUND_NITRO_POLICY, type BoundNitroPolicy, judgeNitro } from "@constellation/evidence";
import { blob, object } from "@constellation/fields";
import { bound, type Part } from "./part.ts";

/** Evidence of a NitroTPM. */
export interface NitroTpmEvidence {
  /** COSE_Sign1 as the Nitro hypervisor gave it. */
  readonly document: Uint8Array;
}

/** An attestation document of a NitroTPM that is bound to the channel by its nonce. */
export const NITRO_TPM_PART: Part<NitroTpmEvidence, BoundNitroPolicy> = {
  evidence: object<NitroTpmEvidence>({ document: blob(32 * 1024) }),
  policy: BOUND_NITRO_POLICY,
  judge: ({ document }, policy, { reportData }, now) => {
    return judgeNitro(document, { ...policy, document: { ...policy.document, nonce: bound(reportData) } }, now);
  },
};
