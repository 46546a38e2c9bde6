import type { Command } from "../command.ts";
import { passwordAuthorization, policyAuthorization } from "../command.ts";
import { TPM_ALG, TPM_RH } from "../constants.ts";
import type { Credential } from "../credential.ts";
import type { PcrSelection } from "../pcr-selection.ts";
import { serializePcrSelections } from "../pcr-selection.ts";
import { readSized } from "../reading.ts";
import { readSignature, serializeSignature } from "../signature.ts";
import { Writer } from "../writer.ts";

/** A quote as the TPM made it. */
export interface Quote {
  /** TPMS_ATTEST, the signed bytes. */
  readonly quoted: Uint8Array;
  /** TPMT_SIGNATURE. */
  readonly signature: Uint8Array;
}

const EMPTY = new Uint8Array(0);
const MAX_ATTEST_BYTES = 4096;
const MAX_SECRET_BYTES = 64;
const MAX_DIGEST_BYTES = 64;
const TPM_SE_POLICY = 0x01;
const NONCE_BYTES = 16;

/** TPM2_Quote (Part 3, 18.4) in the key's own scheme. */
export function quoteCommand(
  signHandle: number,
  qualifyingData: Uint8Array,
  pcrSelect: readonly PcrSelection[],
): Command<Quote> {
  return {
    name: "TPM2_Quote",
    code: 0x158,
    handles: [signHandle],
    authorizations: [passwordAuthorization()],
    parameters: new Writer().sized(qualifyingData).u16(TPM_ALG.NULL).bytes(serializePcrSelections(pcrSelect)).finish(),
    returnsHandle: false,
    read: (cursor) => ({
      quoted: readSized(cursor, "TPM2B_ATTEST", MAX_ATTEST_BYTES),
      signature: serializeSignature(readSignature(cursor)),
    }),
  };
}

/**
 * TPM2_StartAuthSession (Part 3, 11.1) for a policy session without salt, binding or encryption. Such a session
 * computes no HMAC, so its nonce protects nothing and is constant.
 */
export function startPolicySessionCommand(): Command<number> {
  return {
    name: "TPM2_StartAuthSession",
    code: 0x176,
    handles: [TPM_RH.NULL, TPM_RH.NULL],
    authorizations: [],
    parameters: new Writer()
      .sized(new Uint8Array(NONCE_BYTES))
      .sized(EMPTY)
      .u8(TPM_SE_POLICY)
      .u16(TPM_ALG.NULL)
      .u16(TPM_ALG.SHA256)
      .finish(),
    returnsHandle: true,
    read: (cursor, handle) => {
      readSized(cursor, "nonceTPM", MAX_DIGEST_BYTES);
      return handle;
    },
  };
}

/** TPM2_PolicySecret (Part 3, 23.4) without expiry: the first step of {@link EK_POLICY_A}, and its only one. */
export function policySecretCommand(authHandle: number, session: number, auth: Uint8Array): Command<void> {
  return {
    name: "TPM2_PolicySecret",
    code: 0x151,
    handles: [authHandle, session],
    authorizations: [passwordAuthorization(auth)],
    parameters: new Writer().sized(EMPTY).sized(EMPTY).sized(EMPTY).u32(0).finish(),
    returnsHandle: false,
    read: (cursor) => {
      readSized(cursor, "timeout", MAX_DIGEST_BYTES);
      cursor.u16be();
      cursor.u32be();
      readSized(cursor, "policyTicket", MAX_DIGEST_BYTES);
    },
  };
}

/** TPM2_ActivateCredential (Part 3, 12.5); `session` has satisfied the policy of the key `keyHandle`. */
export function activateCredentialCommand(
  activateHandle: number,
  keyHandle: number,
  session: number,
  credential: Credential,
): Command<Uint8Array> {
  return {
    name: "TPM2_ActivateCredential",
    code: 0x147,
    handles: [activateHandle, keyHandle],
    authorizations: [passwordAuthorization(), policyAuthorization(session)],
    parameters: new Writer().sized(credential.credentialBlob).sized(credential.encryptedSecret).finish(),
    returnsHandle: false,
    read: (cursor) => readSized(cursor, "certInfo", MAX_SECRET_BYTES),
  };
}
