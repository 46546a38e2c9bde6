import { randomBytes } from "node:crypto";
import { FakeSevSnpGuest } from "../amd/fake-sev-snp-guest.ts";
import { pinnedSevSnpPolicy } from "../amd/pinned-sev-snp-policy.ts";
import { pinnedTdxPolicy } from "../intel/pinned-tdx-policy.ts";
import { FakeNitroInstance, pinnedNitroPolicy } from "../nitro/fake-nitro-instance.ts";
import { fakeEventLog, fakeEvents } from "../tpm/event-log.ts";
import type { FakeTpmCa } from "../tpm/fake-tpm-ca.ts";
import { FakeTpm } from "../tpm/fake-tpm.ts";
import { pinnedVtpmPolicy } from "../tpm/pinned-tpm-policy.ts";
import { type EvidenceOf, type FakeMachineRequest, type FakePart, type PolicyOf, qualifyingDataOf } from "./part.ts";
import type { FakeVendors } from "./vendors.ts";

type SevSnpPart = FakePart<EvidenceOf<"sev-snp">["sevSnp"], PolicyOf<"sev-snp">["sevSnp"]>;
type TdxPart = FakePart<EvidenceOf<"tdx">["tdx"], PolicyOf<"tdx">["tdx"]>;
type NitroTpmPart = FakePart<EvidenceOf<"aws-nitro-tpm">["nitroTpm"], PolicyOf<"aws-nitro-tpm">["nitroTpm"]>;
type VtpmPart = FakePart<EvidenceOf<"gcp-sev-es">["vtpm"], PolicyOf<"gcp-sev-es">["vtpm"]>;

/** A guest on SEV-SNP. */
export function sevSnpPart({ amd }: FakeVendors, { sevSnp }: FakeMachineRequest): SevSnpPart {
  const guest = new FakeSevSnpGuest(amd, sevSnp);
  return {
    policy: pinnedSevSnpPolicy(amd, guest.report()),
    evidence: (reportData) => ({ report: guest.report({ reportData }), ...guest.endorsements }),
  };
}

/** A TD, with collateral and event log. */
export async function tdxPart({ intel }: FakeVendors, { tdx }: FakeMachineRequest): Promise<TdxPart> {
  const guest = await intel.createGuest(tdx);
  const collateral = await intel.collateral(tdx);
  return {
    policy: pinnedTdxPolicy(intel, guest.quote()),
    evidence: (REPORTDATA) => ({ quote: guest.quote({ body: { REPORTDATA } }), collateral, ccel: guest.ccel }),
  };
}

/** An instance with a NitroTPM. */
export function nitroTpmPart({ nitro }: FakeVendors, { document }: FakeMachineRequest): NitroTpmPart {
  const instance = new FakeNitroInstance(nitro, "nitrotpm", document);
  return {
    policy: pinnedNitroPolicy(nitro, instance.document()),
    evidence: (nonce) => ({ document: instance.document({ nonce }) }),
  };
}

/** A virtual TPM whose attestation key was certified. */
export function vtpmPart(
  ca: FakeTpmCa,
  certifyAk: (tpm: FakeTpm) => Uint8Array,
  { events }: FakeMachineRequest,
): VtpmPart {
  const tpm = new FakeTpm();
  const log = fakeEventLog(events ?? randomEvents());
  const akCertificate = { certificate: certifyAk(tpm), issuers: [ca.intermediate] };
  return {
    policy: pinnedVtpmPolicy(ca, log.pcrs()),
    evidence: (reportData) => ({
      akPublic: tpm.akPublicBytes,
      akCertificate,
      ...tpm.quote({ qualifyingData: qualifyingDataOf(reportData), pcrs: log.pcrs() }),
      eventLog: log.bytes,
    }),
  };
}

/** Events that no other machine measured. */
export function randomEvents(): ReturnType<typeof fakeEvents> {
  return fakeEvents(randomBytes(8).toString("hex"));
}
