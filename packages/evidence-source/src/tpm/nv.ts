import { hex } from "@constellation/bytes";
import { type Tpm, TPM_RH } from "@constellation/tpm2";
import { EvidenceSourceError } from "../error.ts";
import { isAbsent } from "./tpm-step.ts";

/** What a platform wrote into an NV index, or undefined where it has no such index. Read as the owner, as all allow. */
export async function readNv(tpm: Tpm, nvIndex: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
  try {
    return await tpm.nvRead(nvIndex, { handle: TPM_RH.OWNER }, signal);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** As `readNv`, for what must be there. @throws EvidenceSourceError `tpm_missing` */
export async function requireNv(tpm: Tpm, nvIndex: number, what: string, signal: AbortSignal): Promise<Uint8Array> {
  const bytes = await readNv(tpm, nvIndex, signal);
  if (bytes !== undefined) return bytes;
  const index = `0x${nvIndex.toString(16).padStart(8, "0")}`;
  throw new EvidenceSourceError("tpm_missing", `Read ${what} failed: got no NV index ${index}, wanted it`);
}

/** SEQUENCE with a length of two bytes (X.690, 8.1.3.5): what a certificate of 256 bytes to 64 KiB begins with. */
const SEQUENCE_TAG = 0x30;
const TWO_LENGTH_BYTES = 0x82;
const HEADER_BYTES = 4;

/**
 * The certificate (DER) at the start of an NV index. Platforms define indices larger than what they write; the rest is
 * padding. What the certificate says is the verifier's to judge. @throws EvidenceSourceError `blob_malformed`
 */
export function certificateIn(index: Uint8Array, what: string): Uint8Array {
  const [tag, lengthBytes, high = 0, low = 0] = index;
  const end = HEADER_BYTES + high * 256 + low;
  if (tag === SEQUENCE_TAG && lengthBytes === TWO_LENGTH_BYTES && end <= index.length) return index.slice(0, end);
  const start = hex(index.subarray(0, HEADER_BYTES));
  throw new EvidenceSourceError(
    "blob_malformed",
    `Read ${what} failed: got ${index.length} bytes that start with "${start}", wanted a whole certificate`,
  );
}
