import { TpmError } from "@constellation/tpm2";
import { EvidenceSourceError } from "../error.ts";
import { systemCode } from "../system/host-files.ts";

/** Runs a step with the TPM; what it fails with becomes this package's error, but for the caller's own end of it. */
export async function tpmStep<T>(operation: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    signal.throwIfAborted();
    throw tpmStepError(operation, cause);
  }
}

function tpmStepError(operation: string, cause: unknown): EvidenceSourceError {
  if (cause instanceof EvidenceSourceError) return cause;
  const code = systemCode(cause);
  if (code === "ENOENT" || code === "ENODEV" || code === "ENXIO") {
    return new EvidenceSourceError("device_missing", `${operation} failed: got ${code}, wanted a TPM`, { cause });
  }
  if (code === "EBUSY") {
    return new EvidenceSourceError("device_busy", `${operation} failed: got EBUSY, wanted a free TPM`, { cause });
  }
  const reason = cause instanceof Error ? cause.message : "another error";
  return new EvidenceSourceError("tpm", `${operation} failed: ${reason}`, { cause });
}

/** Whether the TPM says that there is nothing at a handle or NV index. */
export function isAbsent(error: unknown): boolean {
  return error instanceof TpmError && error.responseName === "TPM_RC_HANDLE";
}
