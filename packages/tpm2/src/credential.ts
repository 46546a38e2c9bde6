/** A credential for TPM2_ActivateCredential, without the sizes around the two parts. */
export interface Credential {
  /** TPMS_ID_OBJECT: the outer HMAC, then the encrypted secret. */
  readonly credentialBlob: Uint8Array;
  /** TPMS_ECC_POINT: the ephemeral public key. */
  readonly encryptedSecret: Uint8Array;
}
