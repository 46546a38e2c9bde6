import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import {
  AK_TEMPLATE,
  EK_TEMPLATE,
  type PrimaryObject,
  selectPcrs,
  selectedPcrs,
  Tpm,
  TPM_ALG,
  TPM_CAP,
  TPM_RH,
  TPM_SU,
  tpmPublicToSpki,
} from "@constellation/tpm2";
import { makeCredential } from "@constellation/tpm2/node";
import { LocalError } from "../errors.ts";
import type { TpmAuthority } from "./authority.ts";

/** NV indices in which a machine finds its certificates (DER, no padding). */
export const NV_INDEX = { ekCertificate: 0x01c0000a, akCertificate: 0x01c10002, caCertificate: 0x01c00100 } as const;

/** All PCRs of a bank, as firmware allocates them. */
const PCRS = Array.from({ length: 24 }, (_, index) => index);

/** Leaves only the SHA-256 bank, so that no measurement can go elsewhere; in force after the next power cycle. */
export async function allocateBanks(tpm: Tpm): Promise<void> {
  await tpm.startup(TPM_SU.CLEAR);
  const banks = [
    selectPcrs(PCRS),
    ...[TPM_ALG.SHA1, TPM_ALG.SHA384, TPM_ALG.SHA512].map((hash) => selectPcrs([], hash)),
  ];
  const { success } = await tpm.pcrAllocate(banks);
  if (!success) throw new LocalError("tpm-failed", "Allocate PCR banks failed: the TPM has no room");
  await tpm.shutdown(TPM_SU.CLEAR);
}

/**
 * Proves that EK and AK live in the same TPM, certifies both and writes the certificates where the machine finds
 * them. The TPM is freshly powered on.
 * @returns the SHA-256 of the EK's SubjectPublicKeyInfo, the machine's endorsement identity
 */
export async function endorse(tpm: Tpm, authority: TpmAuthority): Promise<Uint8Array> {
  await tpm.startup(TPM_SU.CLEAR);
  await requireOnlySha256(tpm);
  const ek = await tpm.createPrimary(TPM_RH.ENDORSEMENT, EK_TEMPLATE);
  const ak = await tpm.createPrimary(TPM_RH.ENDORSEMENT, AK_TEMPLATE);
  await proveBinding(tpm, ek, ak);
  const ekSpki = tpmPublicToSpki(ek.public);
  const ekDigest = createHash("sha256").update(ekSpki).digest();
  const certificates: [number, Uint8Array][] = [
    [NV_INDEX.ekCertificate, await authority.certifyEndorsementKey(ekSpki)],
    [
      NV_INDEX.akCertificate,
      await authority.certifyAttestationKey(tpmPublicToSpki(ak.public), ekDigest.toString("hex")),
    ],
    [NV_INDEX.caCertificate, new Uint8Array(authority.certificate.rawData)],
  ];
  for (const [nvIndex, certificate] of certificates) await writeCertificate(tpm, nvIndex, certificate);
  for (const key of [ek, ak]) await tpm.flushContext(key.handle);
  await tpm.shutdown(TPM_SU.CLEAR);
  return new Uint8Array(ekDigest);
}

async function requireOnlySha256(tpm: Tpm): Promise<void> {
  const answer = await tpm.getCapability(TPM_CAP.PCRS, 0, 16);
  if (answer.capability !== TPM_CAP.PCRS)
    throw new LocalError("tpm-failed", "Read PCR banks failed: no banks in answer");
  const active = answer.assignedPcr.filter((bank) => selectedPcrs(bank).length > 0).map((bank) => bank.hash);
  if (active.length === 1 && active[0] === TPM_ALG.SHA256) return;
  throw new LocalError(
    "tpm-failed",
    `Check PCR banks failed: got algorithms "${active.join(", ")}", wanted SHA-256 only`,
  );
}

/** TPM 2.0 Part 1, section 24: only a TPM that holds both keys gets the secret out. */
async function proveBinding(tpm: Tpm, ek: PrimaryObject, ak: PrimaryObject): Promise<void> {
  const secret = new Uint8Array(randomBytes(32));
  const random = (size: number): Uint8Array => new Uint8Array(randomBytes(size));
  const credential = makeCredential({ ekPublic: ek.public, akName: ak.name, secret, random });
  const got = await tpm.activateCredential({ akHandle: ak.handle, ekHandle: ek.handle }, credential);
  if (got.length === secret.length && timingSafeEqual(got, secret)) return;
  throw new LocalError("tpm-failed", "Activate credential failed: the TPM gave another secret");
}

async function writeCertificate(tpm: Tpm, nvIndex: number, der: Uint8Array): Promise<void> {
  await tpm.nvDefineSpace({ nvIndex, sizeBytes: der.length });
  await tpm.nvWrite(nvIndex, der);
  const back = await tpm.nvRead(nvIndex);
  if (back.length === der.length && timingSafeEqual(back, der)) return;
  throw new LocalError("tpm-failed", `Write NV index "0x${nvIndex.toString(16)}" failed: it reads back differently`);
}
