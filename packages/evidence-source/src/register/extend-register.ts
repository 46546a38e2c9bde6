import { CLUSTER_REGISTER, type ClusterRegister } from "@constellation/attestation";
import { EvidenceSourceError } from "../error.ts";
import { type HostFiles, systemCode } from "../system/host-files.ts";
import type { SharedTpm } from "../tpm/shared-tpm.ts";
import { TD_REGISTERS } from "./own-registers.ts";

/** Writing 48 bytes to it extends RTMR3. */
export const RTMR3 = TD_REGISTERS.RTMR3;

/** Where registers of a machine are extended. */
export interface RegisterTools {
  readonly files: Pick<HostFiles, "write">;
  readonly tpm: SharedTpm;
}

/**
 * Extends the register that holds the cluster's ID. The digest is of the register's hash.
 * @throws EvidenceSourceError `device_missing`, `device_failed`, or those of the TPM
 */
export async function extendRegister(
  register: ClusterRegister,
  digest: Uint8Array,
  { files, tpm }: RegisterTools,
  signal: AbortSignal,
): Promise<void> {
  switch (register.kind) {
    case "pcr":
      return await tpm.run(
        `Extend PCR ${CLUSTER_REGISTER.pcr}`,
        (open) => open.tpm.pcrExtend(CLUSTER_REGISTER.pcr, digest, signal),
        signal,
      );
    case "rtmr":
      return await extendRtmr(digest, files);
  }
}

async function extendRtmr(digest: Uint8Array, files: Pick<HostFiles, "write">): Promise<void> {
  try {
    await files.write(RTMR3, digest);
  } catch (cause) {
    const got = systemCode(cause) ?? "another error";
    const isMissing = got === "ENOENT";
    throw new EvidenceSourceError(
      isMissing ? "device_missing" : "device_failed",
      `Extend RTMR3 failed: got ${got} at "${RTMR3}", wanted ${isMissing ? "a kernel that lets guests extend it" : "success"}`,
      { cause },
    );
  }
}
