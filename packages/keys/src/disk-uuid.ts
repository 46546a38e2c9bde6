import { createHash } from "node:crypto";
import { KeysError } from "./errors.ts";

const LABEL = "constellation/v1/state-disk-uuid";
const DIGEST_LENGTH_BYTES = 32;

/**
 * The LUKS UUID of the state disk that belongs to the TPM with this endorsement key digest: the first 16 bytes of
 * SHA-256(label || ekDigest) as a version 8 UUID (RFC 9562, section 5.8), lower case.
 * @throws KeysError `digest_length`
 */
export function stateDiskUuid(ekDigest: Uint8Array): string {
  if (ekDigest.length !== DIGEST_LENGTH_BYTES) {
    throw new KeysError(
      "digest_length",
      `Derive state disk UUID failed: got an EK digest of "${ekDigest.length}" bytes, wanted "${DIGEST_LENGTH_BYTES}"`,
    );
  }
  const bytes = createHash("sha256").update(LABEL).update(ekDigest).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
