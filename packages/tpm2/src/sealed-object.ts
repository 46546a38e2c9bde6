import { equalConstantTime, hex } from "@constellation/bytes";
import { TPM_ALG, TPMA_OBJECT } from "./constants.ts";
import { TpmError } from "./error.ts";
import { digest } from "./hash.ts";
import { selectPcrs, serializePcrSelections } from "./pcr-selection.ts";
import { parseWhole, readSized } from "./reading.ts";
import { Writer } from "./writer.ts";

/** A secret that only the TPM which sealed it gives back, and only while PCRs have certain values. Nothing of it is secret. */
export interface SealedObject {
  /** TPMT_PUBLIC. */
  readonly publicArea: Uint8Array;
  /** The content of TPM2B_PRIVATE: encrypted and authenticated by the TPM. */
  readonly privateArea: Uint8Array;
}

const TPM_CC_POLICY_PCR = 0x17f;
const DIGEST_BYTES = 32;
const EMPTY = new Uint8Array(0);
/** Usable by its policy only; wrong PCRs are no guesses of a password, so no dictionary attack is counted. */
const ATTRIBUTES = TPMA_OBJECT.fixedTPM | TPMA_OBJECT.fixedParent | TPMA_OBJECT.adminWithPolicy | TPMA_OBJECT.noDA;

/**
 * The policy of a session that has run TPM2_PolicyPCR once with these SHA-256 PCRs (Part 3, 23.7).
 * @param values 32 bytes for each PCR
 */
export function pcrPolicyDigest(values: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const indices = [...values.keys()].sort((a, b) => a - b);
  const pcrDigest = digest(TPM_ALG.SHA256, ...indices.map((index) => values.get(index) as Uint8Array));
  const selection = serializePcrSelections([selectPcrs(indices)]);
  const command = new Writer().u32(TPM_CC_POLICY_PCR).bytes(selection).bytes(pcrDigest).finish();
  return digest(TPM_ALG.SHA256, new Uint8Array(DIGEST_BYTES), command);
}

/** The TPMT_PUBLIC of a sealed object under a policy; `unique` is the TPM's to fill in. */
export function sealedPublic(policy: Uint8Array, unique: Uint8Array = EMPTY): Uint8Array {
  return new Writer()
    .u16(TPM_ALG.KEYEDHASH)
    .u16(TPM_ALG.SHA256)
    .u32(ATTRIBUTES)
    .sized(policy)
    .u16(TPM_ALG.NULL)
    .sized(unique)
    .finish();
}

/** The Name of an object by its TPMT_PUBLIC with nameAlg SHA-256 (Part 1, 16). */
export function sealedName(publicArea: Uint8Array): Uint8Array {
  return new Writer().u16(TPM_ALG.SHA256).bytes(digest(TPM_ALG.SHA256, publicArea)).finish();
}

/**
 * Checks that a public area is exactly what is sealed here, under this policy. It comes from a disk.
 * @throws TpmError `malformed`, `sealed_form`, `sealed_policy`
 */
export function validateSealedPublic(publicArea: Uint8Array, policy: Uint8Array): void {
  const { authPolicy, unique } = parseWhole("TPMT_PUBLIC", publicArea, (cursor) => {
    cursor.take(2 + 2 + 4);
    const authPolicy = readSized(cursor, "TPMT_PUBLIC.authPolicy", DIGEST_BYTES);
    cursor.u16be();
    return { authPolicy, unique: readSized(cursor, "TPM2B_DIGEST", DIGEST_BYTES) };
  });
  if (unique.length !== DIGEST_BYTES || !equalConstantTime(sealedPublic(authPolicy, unique), publicArea)) {
    throw new TpmError("sealed_form", "Unseal failed: got an object of another form, wanted one that is sealed here");
  }
  if (equalConstantTime(authPolicy, policy)) return;
  const values = `got an object for PCR policy "${hex(authPolicy)}", wanted that of this boot "${hex(policy)}"`;
  throw new TpmError("sealed_policy", `Unseal failed: ${values}`);
}
