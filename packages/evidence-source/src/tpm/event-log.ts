import { EvidenceSourceError } from "../error.ts";
import { type HostFiles, systemCode } from "../system/host-files.ts";

/** Firmware's log of what it measured into the TPM, as the kernel keeps it. */
export const TPM_EVENT_LOG = "/sys/kernel/security/tpm0/binary_bios_measurements";

/** The area that the ACPI table CCEL describes: firmware's log of what it measured into RTMRs. */
export const CC_EVENT_LOG = "/sys/firmware/acpi/tables/data/CCEL";

/** What evidence takes of either log. */
const MAX_LOG_BYTES = 512 * 1024;

/**
 * A log of the boot, or undefined where the kernel has none.
 * @throws EvidenceSourceError `device_failed`, `blob_too_large`
 */
export async function readEventLog(path: string, files: HostFiles): Promise<Uint8Array | undefined> {
  try {
    return await files.read(path, MAX_LOG_BYTES);
  } catch (cause) {
    const code = systemCode(cause);
    if (code === "ENOENT") return undefined;
    if (cause instanceof EvidenceSourceError) throw cause;
    const got = code ?? "another error";
    throw new EvidenceSourceError("device_failed", `Read "${path}" failed: got ${got}, wanted success`, { cause });
  }
}
