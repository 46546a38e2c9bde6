import type { PlatformEvidence } from "@constellation/attestation";
import type { Tpm } from "@constellation/tpm2";
import type { HostFiles } from "../system/host-files.ts";
import type { CertifiedKey } from "../tpm/attestation-key.ts";
import { readEventLog, TPM_EVENT_LOG } from "../tpm/event-log.ts";
import { quotePcrs } from "../tpm/quote-pcrs.ts";
import type { SharedTpm } from "../tpm/shared-tpm.ts";
import type { PartSource } from "./part-source.ts";

/** Evidence of a virtual TPM whose platform certified its attestation key. */
export type VtpmPart = Extract<PlatformEvidence, { readonly variant: "gcp-sev-es" }>["vtpm"];

/** How a platform keeps its attestation key. */
export type KeyReader = (tpm: Tpm, signal: AbortSignal) => Promise<CertifiedKey>;

/** A quote of the machine's virtual TPM. The key's issuers are for the verifier to know; they are not in the TPM. */
export function vtpmPart(readKey: KeyReader, tpm: SharedTpm, files: HostFiles): PartSource<VtpmPart> {
  let key: CertifiedKey | undefined;
  return async (reportData, signal) => {
    const quoted = await tpm.run(
      "Quote with the platform's attestation key",
      async ({ tpm }) => {
        key ??= await readKey(tpm, signal);
        return { key, quote: await quotePcrs(tpm, key.handle, reportData, signal) };
      },
      signal,
    );
    const { akPublic, certificate } = quoted.key;
    const eventLog = await readEventLog(TPM_EVENT_LOG, files);
    return { akPublic, akCertificate: { certificate, issuers: [] }, ...quoted.quote, eventLog };
  };
}
