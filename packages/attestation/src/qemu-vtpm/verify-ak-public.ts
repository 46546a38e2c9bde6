import { createHash } from "node:crypto";
import { equalConstantTime } from "@constellation/bytes";
import { parsePublic, TPM_ALG, TPM_ECC, TPMA_OBJECT, type TpmtPublic, tpmPublicToSpki } from "@constellation/tpm2";
import { type Certificate, spkiDer } from "@constellation/x509";
import { about, type Check } from "../check.ts";

const { check, fail, pass } = about("hardware.evidence");

/** What a parsed attestation key gives to the checks after it. */
export interface AkPublicResult {
  readonly checks: readonly Check[];
  readonly akPublic?: TpmtPublic;
}

type Attribute = keyof typeof TPMA_OBJECT;

/** Part 1, 31.2 and Part 2, 8.3: a key that its TPM made and keeps, and that signs nothing the TPM did not make. */
const REQUIRED: readonly Attribute[] = ["fixedTPM", "fixedParent", "sensitiveDataOrigin", "restricted", "sign"];

/** Verifies that the attestation key is the one certified and of the kind whose signatures speak for a TPM. */
export function verifyAkPublic(bytes: Uint8Array, certificate: Certificate | undefined): AkPublicResult {
  let akPublic: TpmtPublic;
  let spki: Uint8Array;
  try {
    akPublic = parsePublic(bytes);
    spki = tpmPublicToSpki(akPublic);
  } catch (error) {
    return { checks: [fail("akPublic.format", "ak_public_malformed", { reason: (error as Error).message })] };
  }
  const checks = [pass("akPublic.format"), verifyAttributes(akPublic), verifyScheme(akPublic)];
  return { checks: certificate === undefined ? checks : [...checks, verifyKey(spki, certificate)], akPublic };
}

function verifyAttributes({ objectAttributes }: TpmtPublic): Check {
  const has = (attribute: Attribute) => (objectAttributes & TPMA_OBJECT[attribute]) !== 0;
  const got = (Object.keys(TPMA_OBJECT) as Attribute[]).filter(has).join(" ");
  const holds = REQUIRED.every(has) && !has("decrypt");
  return check(
    holds,
    "akPublic.attributes",
    "ak_public_attributes",
    `"${got}"`,
    `"${REQUIRED.join(" ")}", no "decrypt"`,
  );
}

/** An ECC P-256 key that signs with ECDSA and SHA-256 only, and is named by SHA-256. */
function verifyScheme({ type, nameAlg, parameters }: TpmtPublic): Check {
  const { scheme, hashAlg } = parameters.scheme;
  const got = [type, "curveID" in parameters ? parameters.curveID : 0, scheme, hashAlg ?? 0, nameAlg];
  const wanted = [TPM_ALG.ECC, TPM_ECC.NIST_P256, TPM_ALG.ECDSA, TPM_ALG.SHA256, TPM_ALG.SHA256];
  const text = (values: number[]) => {
    const [keyType, curve, signature, hash, name] = values.map((value) => `0x${value.toString(16)}`);
    return `type ${keyType}, curve ${curve}, scheme ${signature}, hash ${hash}, nameAlg ${name}`;
  };
  return check(text(got) === text(wanted), "akPublic.scheme", "ak_public_scheme", text(got), text(wanted));
}

function verifyKey(spki: Uint8Array, certificate: Certificate): Check {
  const certified = spkiDer(certificate);
  const holds = equalConstantTime(spki, certified);
  return check(holds, "akPublic.key", "ak_public_key_mismatch", keyText(spki), keyText(certified));
}

function keyText(spki: Uint8Array): string {
  return `SPKI sha256:${createHash("sha256").update(spki).digest("hex")}`;
}
