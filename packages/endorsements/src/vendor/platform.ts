import { vcekUrl } from "@constellation/sev-snp";
import { EndorsementError } from "../error.ts";
import type { SevSnpPlatform, TdxPlatform } from "../source.ts";

/** CHIP_ID and REPORTED_TCB of an ATTESTATION_REPORT (AMD 56860 section 7.3, table 23). */
export const CHIP_ID_BYTES = 64;
export const TCB_BYTES = 8;
/** FMSPC of a PCK certificate (Intel PCK certificate profile, SGX extensions). */
export const FMSPC_BYTES = 6;

/**
 * The address of a platform's VCEK certificate, which is also its name: platforms with the same one have the same
 * certificate. Throws `EndorsementError` "platform_invalid" or "chip_masked".
 */
export function vcekUrlOf({ product, chipId, tcb }: SevSnpPlatform): string {
  requireSize("CHIP_ID", chipId, CHIP_ID_BYTES);
  requireSize("REPORTED_TCB", tcb, TCB_BYTES);
  const url = vcekUrl({ chipId, reportedTcb: tcb }, product);
  if (url !== undefined) return url;
  throw new EndorsementError("chip_masked", "Name VCEK failed: got a CHIP_ID of zeros, wanted that of a chip");
}

/** Refuses an FMSPC that is none. Throws `EndorsementError` "platform_invalid". */
export function requireFmspc({ fmspc }: TdxPlatform): void {
  requireSize("FMSPC", fmspc, FMSPC_BYTES);
}

function requireSize(name: string, value: Uint8Array, sizeBytes: number): void {
  if (value.length === sizeBytes) return;
  throw new EndorsementError(
    "platform_invalid",
    `Name platform failed: got ${name} of ${value.length} bytes, wanted ${sizeBytes}`,
  );
}
