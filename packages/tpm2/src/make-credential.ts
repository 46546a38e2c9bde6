import { createCipheriv, createHmac } from "node:crypto";
import { TPM_ALG, TPM_ECC, TPMA_OBJECT } from "./constants.ts";
import type { Credential } from "./credential.ts";
import { coordinate, ephemeralExchange } from "./ephemeral-exchange.ts";
import { TpmError } from "./error.ts";
import { kdfa, kdfe, NO_CONTEXT } from "./kdf.ts";
import type { EccPublic, TpmtPublic } from "./public-area.ts";
import { Writer } from "./writer.ts";

/** What {@link makeCredential} needs. */
export interface MakeCredentialOptions {
  /** The public area of the endorsement key: ECC P-256, AES-128-CFB, SHA-256. */
  readonly ekPublic: TpmtPublic;
  /** The Name of the key that must live in the same TPM as the endorsement key. */
  readonly akName: Uint8Array;
  /** What the TPM shall give back, 1 to 32 bytes. */
  readonly secret: Uint8Array;
  /** A source of cryptographically strong random bytes. */
  readonly random: (size: number) => Uint8Array;
}

const MAX_SECRET_BYTES = 32;

/**
 * TPM2_MakeCredential in software (Part 1, 24): only a TPM that holds both the endorsement key and the object with
 * the Name `akName` can recover the secret.
 * @throws TpmError `key` where `ekPublic` is not a P-256 storage key, `malformed` on a secret of another size
 */
export function makeCredential({ ekPublic, akName, secret, random }: MakeCredentialOptions): Credential {
  const ek = requireEndorsementKey(ekPublic);
  requireSecretSize(secret);
  const ephemeral = ephemeralExchange("Make credential", ek, random);
  const seed = kdfe(ephemeral.z, "IDENTITY", ephemeral.x, coordinate(ek, "x"), 256);
  const encIdentity = encrypt(kdfa(seed, "STORAGE", akName, NO_CONTEXT, 128), new Writer().sized(secret).finish());
  const hmacKey = kdfa(seed, "INTEGRITY", NO_CONTEXT, NO_CONTEXT, 256);
  const outerHmac = createHmac("sha256", hmacKey).update(encIdentity).update(akName).digest();
  return {
    credentialBlob: new Writer().sized(outerHmac).bytes(encIdentity).finish(),
    encryptedSecret: new Writer().sized(ephemeral.x).sized(ephemeral.y).finish(),
  };
}

/** The EK must be a restricted decryption key fixed to its TPM, else a software key could activate. */
function requireEndorsementKey(area: TpmtPublic): EccPublic {
  const required = TPMA_OBJECT.fixedTPM | TPMA_OBJECT.fixedParent | TPMA_OBJECT.restricted | TPMA_OBJECT.decrypt;
  const { symmetric } = area.parameters;
  const fits =
    area.type === TPM_ALG.ECC &&
    area.parameters.curveID === TPM_ECC.NIST_P256 &&
    area.nameAlg === TPM_ALG.SHA256 &&
    symmetric.algorithm === TPM_ALG.AES &&
    symmetric.keyBits === 128 &&
    symmetric.mode === TPM_ALG.CFB &&
    (area.objectAttributes & (required | TPMA_OBJECT.sign)) === required;
  if (!fits) {
    throw new TpmError(
      "key",
      "Make credential failed: the endorsement key is not an ECC P-256 storage key with AES-128-CFB",
    );
  }
  return area;
}

function requireSecretSize(secret: Uint8Array): void {
  if (secret.length > 0 && secret.length <= MAX_SECRET_BYTES) return;
  throw new TpmError(
    "malformed",
    `Make credential failed: got a secret of ${secret.length} bytes, wanted 1 to ${MAX_SECRET_BYTES}`,
  );
}

/** AES-128-CFB with a zero IV, as Part 1, 24.4 has it; the key is used once. */
function encrypt(key: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-cfb", key, new Uint8Array(16));
  return Buffer.concat([cipher.update(plaintext), cipher.final()]);
}
