import { hex } from "@constellation/bytes";
import { CryptoError, digest, importSpki, type PublicKey, rsaSpki } from "@constellation/crypto";
import {
  algName,
  parsePublic,
  TPM_ALG,
  TPMA_OBJECT,
  TpmError,
  type TpmtPublic,
  tpmPublicToSpki,
} from "@constellation/tpm2";
import { about, type Check } from "@constellation/verdict";
import type { AkPublicCode } from "./check-code.ts";

const { check, fail, open, pass } = about("hardware.evidence");

/** The attestation key as it comes with the evidence. */
export type AkPublicInput =
  /** TPMT_PUBLIC: says what kind of key it is. */
  | { readonly format: "tpmt-public"; readonly bytes: Uint8Array }
  /** SubjectPublicKeyInfo (DER): the key alone; `vouchedBy` says who answers for its being a TPM's attestation key. */
  | { readonly format: "spki"; readonly der: Uint8Array; readonly vouchedBy: string }
  /** As `spki`, by modulus and exponent, big-endian without leading zeros. */
  | { readonly format: "rsa"; readonly modulus: Uint8Array; readonly exponent: Uint8Array; readonly vouchedBy: string };

/** A key that signatures can be judged by. Nothing says yet that a TPM known to anybody has it. */
export interface AttestationKey {
  readonly key: PublicKey;
  readonly spki: Uint8Array;
  /** Undefined where the key came alone. */
  readonly area: TpmtPublic | undefined;
}

/** Checks of {@link verifyAkPublic}, in their order. */
export const AK_PUBLIC_CHECKS = ["akPublic.format", "akPublic.attributes", "akPublic.scheme"] as const;

type Attribute = keyof typeof TPMA_OBJECT;

/** Part 1, 31.2 and Part 2, 8.3: a key that its TPM made and keeps, and that signs nothing the TPM did not make. */
const REQUIRED: readonly Attribute[] = ["fixedTPM", "fixedParent", "sensitiveDataOrigin", "restricted", "sign"];
const WEAK_HASH: number = TPM_ALG.SHA1;

/** Verifies that the attestation key is of the kind whose signatures speak for a TPM. */
export function verifyAkPublic(input: AkPublicInput): {
  checks: Check<AkPublicCode>[];
  attestationKey?: AttestationKey;
} {
  try {
    const area = input.format === "tpmt-public" ? parsePublic(input.bytes) : undefined;
    const spki = spkiOf(input, area);
    const attestationKey = { key: importSpki(spki), spki, area };
    const format = pass("akPublic.format", { got: `SPKI sha256:${hex(digest("sha256", spki))}` });
    return { checks: [format, ...verifyKind(input, area)], attestationKey };
  } catch (error) {
    if (!(error instanceof TpmError) && !(error instanceof CryptoError)) throw error;
    return { checks: [fail("akPublic.format", "ak_public_malformed", { reason: error.message })] };
  }
}

function spkiOf(input: AkPublicInput, area: TpmtPublic | undefined): Uint8Array {
  if (area !== undefined) return tpmPublicToSpki(area);
  return input.format === "rsa" ? rsaSpki(input.modulus, input.exponent) : (input as { der: Uint8Array }).der;
}

function verifyKind(input: AkPublicInput, area: TpmtPublic | undefined): Check<AkPublicCode>[] {
  if (area !== undefined) return [verifyAttributes(area), verifyScheme(area)];
  const reason = `vouched for by ${(input as { vouchedBy: string }).vouchedBy}`;
  return ["akPublic.attributes", "akPublic.scheme"].map((name) => {
    return open(name, reason, { got: "not stated" });
  });
}

function verifyAttributes({ objectAttributes }: TpmtPublic): Check<AkPublicCode> {
  const has = (attribute: Attribute): boolean => (objectAttributes & TPMA_OBJECT[attribute]) !== 0;
  const got = (Object.keys(TPMA_OBJECT) as Attribute[]).filter(has).join(" ");
  const holds = REQUIRED.every(has) && !has("decrypt");
  return check(holds, "akPublic.attributes", "ak_public_attributes", got, `${REQUIRED.join(" ")}, no decrypt`);
}

/** SHA-1 neither names the key nor is in what it signs. */
function verifyScheme({ nameAlg, parameters: { scheme } }: TpmtPublic): Check<AkPublicCode> {
  const hash = scheme.hashAlg === undefined ? "" : ` with ${algName(scheme.hashAlg)}`;
  const got = `scheme ${algName(scheme.scheme)}${hash}, nameAlg ${algName(nameAlg)}`;
  const holds = nameAlg !== WEAK_HASH && scheme.hashAlg !== WEAK_HASH;
  return check(holds, "akPublic.scheme", "ak_public_scheme", got, "no SHA-1");
}
