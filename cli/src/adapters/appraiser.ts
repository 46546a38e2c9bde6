import { createHash } from "node:crypto";
import { appraise } from "@constellation/attestation";
import type { AppraiserPort } from "../ports/cluster.ts";

const VERIFY_LABEL = "constellation/verify/v1";

/** Appraises evidence that was got with a nonce: its report data is SHA-512 over label and nonce. */
export const appraiser: AppraiserPort = {
  appraise(evidence, policy, { nonce, now }) {
    const reportData = new Uint8Array(createHash("sha512").update(VERIFY_LABEL).update(nonce).digest());
    return appraise(evidence, policy, { reportData, now });
  },
};
