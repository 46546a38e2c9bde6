import type { PlatformEvidence } from "@constellation/attestation";
import { getNitroDocument } from "../tpm/nitro-document.ts";
import type { SharedTpm } from "../tpm/shared-tpm.ts";
import type { PartSource } from "./part-source.ts";

/** Evidence of a NitroTPM. */
export type NitroTpmPart = Extract<PlatformEvidence, { readonly variant: "aws-nitro-tpm" }>["nitroTpm"];

/** An attestation document of the machine's NitroTPM, with the report data as its nonce. */
export function nitroTpmPart(tpm: SharedTpm): PartSource<NitroTpmPart> {
  return (reportData, signal) => {
    return tpm.run(
      "Get NitroTPM attestation document",
      async (open) => ({ document: await getNitroDocument(open, reportData, signal) }),
      signal,
    );
  };
}
