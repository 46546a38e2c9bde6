import { FakeSevSnpGuest } from "../amd/fake-sev-snp-guest.ts";
import { pinnedSevSnpPolicy } from "../amd/pinned-sev-snp-policy.ts";
import { FAKE_VM_CONFIGURATION, FakeParavisor } from "../azure/fake-azure.ts";
import { pinnedTdxPolicy } from "../intel/pinned-tdx-policy.ts";
import { writeTdReport } from "../intel/td-report.ts";
import { equal } from "../expect.ts";
import { fakeEventLog } from "../tpm/event-log.ts";
import { FakeTpm } from "../tpm/fake-tpm.ts";
import { pinnedQuotesPolicy } from "../tpm/pinned-tpm-policy.ts";
import { type EvidenceOf, type FakeMachineRequest, type FakePart, type PolicyOf, qualifyingDataOf } from "./part.ts";
import { randomEvents } from "./parts.ts";
import type { FakeVendors } from "./vendors.ts";

type SevSnpPart = FakePart<EvidenceOf<"azure-sev-snp">["azure"], PolicyOf<"azure-sev-snp">["azure"]>;
type TdxPart = FakePart<EvidenceOf<"azure-tdx">["azure"], PolicyOf<"azure-tdx">["azure"]>;

/** A confidential machine of Azure on SEV-SNP. */
export function azureSevSnpPart({ amd }: FakeVendors, request: FakeMachineRequest): SevSnpPart {
  const { paravisor, policy, quote } = virtualMachine(request);
  const guest = new FakeSevSnpGuest(amd, request.sevSnp);
  const report = guest.report({ reportData: paravisor.reportData });
  const hclReport = paravisor.hclReport("sev-snp", report);
  return {
    policy: { sevSnp: pinnedSevSnpPolicy(amd, report), ...policy },
    evidence: (reportData) => ({ hclReport, ...guest.endorsements, ...quote(reportData) }),
  };
}

/** A confidential machine of Azure on TDX. */
export async function azureTdxPart({ intel }: FakeVendors, request: FakeMachineRequest): Promise<TdxPart> {
  const { paravisor, policy, quote } = virtualMachine(request);
  const guest = await intel.createGuest(request.tdx);
  const body = { ...guest.body, REPORTDATA: paravisor.reportData };
  const hclReport = paravisor.hclReport("tdx", writeTdReport(body));
  const tdx = { quote: guest.quote({ body }), collateral: await intel.collateral(request.tdx), ccel: guest.ccel };
  return {
    policy: { tdx: pinnedTdxPolicy(intel, tdx.quote), ...policy },
    evidence: (reportData) => ({ hclReport, tdx, ...quote(reportData) }),
  };
}

/** The paravisor and the virtual TPM that it runs. */
function virtualMachine({ events, vmConfiguration = {} }: FakeMachineRequest) {
  const tpm = new FakeTpm("rsa");
  const log = fakeEventLog(events ?? randomEvents());
  const settings = { ...FAKE_VM_CONFIGURATION, ...vmConfiguration };
  return {
    paravisor: new FakeParavisor(tpm, settings),
    policy: {
      vmConfiguration: {
        secureBoot: equal(settings["secure-boot"] === true),
        tpmEnabled: equal(settings["tpm-enabled"] === true),
        consoleEnabled: equal(settings["console-enabled"] === true),
      },
      vtpm: pinnedQuotesPolicy(log.pcrs()),
    },
    quote: (reportData: Uint8Array) => ({
      ...tpm.quote({ qualifyingData: qualifyingDataOf(reportData), pcrs: log.pcrs() }),
      eventLog: log.bytes,
    }),
  };
}
