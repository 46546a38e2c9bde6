import { fromHex } from "@constellation/bytes";
import { TPM_ALG, TPM_ECC, TPMA_OBJECT } from "./constants.ts";
import type { EccPublic } from "./public-area.ts";

/**
 * PolicyA of the TCG EK Credential Profile, B.6.2: PolicySecret(TPM_RH_ENDORSEMENT), so the endorsement
 * hierarchy's authorisation is what uses the EK.
 */
export const EK_POLICY_A: Uint8Array = fromHex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa");

/** Template L-2 of the TCG EK Credential Profile, B.3.4: the default ECC P-256 storage endorsement key. */
export const EK_TEMPLATE: EccPublic = {
  type: TPM_ALG.ECC,
  nameAlg: TPM_ALG.SHA256,
  objectAttributes:
    TPMA_OBJECT.fixedTPM |
    TPMA_OBJECT.fixedParent |
    TPMA_OBJECT.sensitiveDataOrigin |
    TPMA_OBJECT.adminWithPolicy |
    TPMA_OBJECT.restricted |
    TPMA_OBJECT.decrypt,
  authPolicy: EK_POLICY_A,
  parameters: {
    symmetric: { algorithm: TPM_ALG.AES, keyBits: 128, mode: TPM_ALG.CFB },
    scheme: { scheme: TPM_ALG.NULL },
    curveID: TPM_ECC.NIST_P256,
    kdf: { scheme: TPM_ALG.NULL },
  },
  unique: { x: new Uint8Array(32), y: new Uint8Array(32) },
};

/**
 * The attestation key: a restricted ECDSA P-256/SHA-256 signing primary of the endorsement hierarchy.
 * A primary is derived from the hierarchy's seed and this template, so the same TPM makes the same key at each boot.
 * `unique.x` is SHA-256("constellation/v1/attestation-key"), which keeps the key apart from other users' primaries.
 */
export const AK_TEMPLATE: EccPublic = {
  type: TPM_ALG.ECC,
  nameAlg: TPM_ALG.SHA256,
  objectAttributes:
    TPMA_OBJECT.fixedTPM |
    TPMA_OBJECT.fixedParent |
    TPMA_OBJECT.sensitiveDataOrigin |
    TPMA_OBJECT.userWithAuth |
    TPMA_OBJECT.noDA |
    TPMA_OBJECT.restricted |
    TPMA_OBJECT.sign,
  authPolicy: new Uint8Array(0),
  parameters: {
    symmetric: { algorithm: TPM_ALG.NULL },
    scheme: { scheme: TPM_ALG.ECDSA, hashAlg: TPM_ALG.SHA256 },
    curveID: TPM_ECC.NIST_P256,
    kdf: { scheme: TPM_ALG.NULL },
  },
  unique: {
    x: fromHex("f9bafa7aa4ad34b148dfddc09eb85dcfc2c14e585d7c743345863122b62d8ace"),
    y: new Uint8Array(32),
  },
};

/**
 * The storage key under which secrets are sealed: a primary of the storage hierarchy, the ECC P-256 template of the TCG
 * TPM v2.0 Provisioning Guidance (7.5.1) with a `unique.x` of its own: SHA-256("constellation/v1/storage-key").
 */
export const STORAGE_KEY_TEMPLATE: EccPublic = {
  type: TPM_ALG.ECC,
  nameAlg: TPM_ALG.SHA256,
  objectAttributes:
    TPMA_OBJECT.fixedTPM |
    TPMA_OBJECT.fixedParent |
    TPMA_OBJECT.sensitiveDataOrigin |
    TPMA_OBJECT.userWithAuth |
    TPMA_OBJECT.noDA |
    TPMA_OBJECT.restricted |
    TPMA_OBJECT.decrypt,
  authPolicy: new Uint8Array(0),
  parameters: {
    symmetric: { algorithm: TPM_ALG.AES, keyBits: 128, mode: TPM_ALG.CFB },
    scheme: { scheme: TPM_ALG.NULL },
    curveID: TPM_ECC.NIST_P256,
    kdf: { scheme: TPM_ALG.NULL },
  },
  unique: {
    x: fromHex("7fde6e19ee926f9412aa60bfccddb0e2b53c12036993509486159f2af623c099"),
    y: new Uint8Array(32),
  },
};
