import type { Cursor } from "@constellation/bytes";
import { TPM_ALG } from "./constants.ts";
import { TpmError } from "./error.ts";
import { parseWhole, readSized } from "./reading.ts";
import { Writer } from "./writer.ts";

/** TPMT_SIGNATURE (Part 2, 11.3.4) of the schemes that attestation keys use. */
export type TpmtSignature =
  | { readonly sigAlg: typeof TPM_ALG.ECDSA; readonly hash: number; readonly r: Uint8Array; readonly s: Uint8Array }
  | { readonly sigAlg: typeof TPM_ALG.RSASSA | typeof TPM_ALG.RSAPSS; readonly hash: number; readonly sig: Uint8Array };

const MAX_COORDINATE_BYTES = 66;
const MAX_RSA_BYTES = 512;

/**
 * Parses a TPMT_SIGNATURE that fills `bytes`.
 * @throws TpmError `malformed`, or `unsupported` for other schemes
 */
export function parseSignature(bytes: Uint8Array): TpmtSignature {
  return parseWhole("TPMT_SIGNATURE", bytes, readSignature);
}

/** Reads a TPMT_SIGNATURE out of a larger structure. */
export function readSignature(cursor: Cursor): TpmtSignature {
  const sigAlg = cursor.u16be();
  if (sigAlg === TPM_ALG.ECDSA) {
    return {
      sigAlg,
      hash: cursor.u16be(),
      r: readSized(cursor, "TPMS_SIGNATURE_ECDSA.signatureR", MAX_COORDINATE_BYTES),
      s: readSized(cursor, "TPMS_SIGNATURE_ECDSA.signatureS", MAX_COORDINATE_BYTES),
    };
  }
  if (sigAlg === TPM_ALG.RSASSA || sigAlg === TPM_ALG.RSAPSS) {
    return { sigAlg, hash: cursor.u16be(), sig: readSized(cursor, "TPMS_SIGNATURE_RSA.sig", MAX_RSA_BYTES) };
  }
  throw new TpmError(
    "unsupported",
    `Parse TPMT_SIGNATURE failed: got scheme "0x${sigAlg.toString(16)}", wanted ECDSA, RSASSA or RSAPSS`,
  );
}

/** The TPMT_SIGNATURE as the TPM marshals it; the inverse of {@link parseSignature}. */
export function serializeSignature(signature: TpmtSignature): Uint8Array {
  const writer = new Writer().u16(signature.sigAlg).u16(signature.hash);
  if (signature.sigAlg === TPM_ALG.ECDSA) return writer.sized(signature.r).sized(signature.s).finish();
  return writer.sized(signature.sig).finish();
}
