import { equalConstantTime, hex } from "@constellation/bytes";
import { digest } from "@constellation/crypto";
import { parsePublic, serializePublic, type Tpm, TPM_RH, tpmPublicToSpki } from "@constellation/tpm2";
import { parseCertificate, spkiDer, X509Error } from "@constellation/x509";
import { EvidenceSourceError } from "../error.ts";
import { certificateIn, readNv, requireNv } from "./nv.ts";
import { isAbsent } from "./tpm-step.ts";

/** An attestation key that a platform put into its virtual TPM. */
export interface CertifiedKey {
  readonly handle: number;
  /** TPMT_PUBLIC. */
  readonly akPublic: Uint8Array;
  /** DER. Those of its issuers are not on the machine. */
  readonly certificate: Uint8Array;
}

/** Azure's attestation key: persistent, of the paravisor's or hypervisor's virtual TPM. */
export const AZURE_AK_HANDLE = 0x81000003;
/** Azure's certificate of it, on machines of Trusted Launch. */
export const AZURE_AK_CERTIFICATE_NV = 0x01c101d0;

/** Google's attestation keys: certificate, and template to make the key from; ECC P-256 is preferred. */
export const GCP_AK_NV = [
  { kind: "ECC", certificate: 0x01c10002, template: 0x01c10003 },
  { kind: "RSA", certificate: 0x01c10000, template: 0x01c10001 },
] as const;

/** The key at a persistent handle. @throws EvidenceSourceError `tpm_missing`, TpmError */
async function readPersistent(tpm: Tpm, handle: number, signal: AbortSignal): Promise<Uint8Array> {
  try {
    return serializePublic((await tpm.readPublic(handle, signal)).public);
  } catch (cause) {
    if (!isAbsent(cause)) throw cause;
    const at = `0x${handle.toString(16)}`;
    const message = `Read attestation key failed: got no key at ${at}, wanted one`;
    throw new EvidenceSourceError("tpm_missing", message, { cause });
  }
}

/** Azure's attestation key with its certificate. @throws EvidenceSourceError, TpmError */
export async function azureKey(tpm: Tpm, signal: AbortSignal): Promise<CertifiedKey> {
  const what = "certificate of Azure's attestation key";
  const index = await requireNv(tpm, AZURE_AK_CERTIFICATE_NV, what, signal);
  const akPublic = await readPersistent(tpm, AZURE_AK_HANDLE, signal);
  return certified({ handle: AZURE_AK_HANDLE, akPublic, certificate: certificateIn(index, what) });
}

/**
 * Google's attestation key: a primary key of the endorsement hierarchy, which its template gives anew. It stays loaded.
 * @throws EvidenceSourceError, TpmError
 */
export async function gcpKey(tpm: Tpm, signal: AbortSignal): Promise<CertifiedKey> {
  for (const { kind, ...nv } of GCP_AK_NV) {
    const what = `certificate of Google's ${kind} attestation key`;
    const index = await readNv(tpm, nv.certificate, signal);
    if (index === undefined) continue;
    const certificate = certificateIn(index, what);
    const template = await requireNv(tpm, nv.template, `template of Google's ${kind} attestation key`, signal);
    const key = await tpm.createPrimary(TPM_RH.ENDORSEMENT, parsePublic(template), {}, signal);
    return await kept(
      tpm,
      () => certified({ handle: key.handle, akPublic: serializePublic(key.public), certificate }),
      key.handle,
    );
  }
  throw new EvidenceSourceError(
    "tpm_missing",
    "Read attestation key failed: got no certificate of Google's in the TPM, wanted an ECC or RSA one",
  );
}

/** A key that is of no use does not stay loaded. */
async function kept(tpm: Tpm, check: () => CertifiedKey, handle: number): Promise<CertifiedKey> {
  try {
    return check();
  } catch (error) {
    await tpm.flushContext(handle).catch(() => undefined);
    throw error;
  }
}

/** A verifier would refuse a key that its certificate is not for; the platform is told apart from an attack here. */
function certified(key: CertifiedKey): CertifiedKey {
  const got = tpmPublicToSpki(parsePublic(key.akPublic));
  const wanted = spkiOf(key.certificate);
  if (equalConstantTime(got, wanted)) return key;
  const [made, named] = [got, wanted].map((spki) => hex(digest("sha256", spki)));
  throw new EvidenceSourceError(
    "key_mismatch",
    `Read attestation key failed: got key SPKI sha256:${made}, wanted the certificate's sha256:${named}`,
  );
}

function spkiOf(certificate: Uint8Array): Uint8Array {
  try {
    return spkiDer(parseCertificate(certificate));
  } catch (cause) {
    if (!(cause instanceof X509Error)) throw cause;
    throw new EvidenceSourceError("blob_malformed", `Read attestation key failed: ${cause.message}`, { cause });
  }
}
