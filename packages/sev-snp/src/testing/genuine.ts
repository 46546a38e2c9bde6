import { parseCertificate } from "@constellation/x509";
import type { SigningKey } from "../key-info.ts";
import type { VerifyReportInput } from "../verify-report.ts";
import type { EndorsementKey, EndorsementRequest, FakeAmd } from "./fake-amd.ts";
import { type ReportFields, reportFields, signReport, writeReport } from "./report-writer.ts";

/** What a test changes about evidence that is otherwise genuine. */
export interface GenuineChanges {
  readonly report?: Partial<ReportFields>;
  readonly endorsement?: EndorsementRequest;
  readonly input?: Partial<VerifyReportInput>;
  /** Which kind of key signs and is endorsed; a VCEK by default. */
  readonly signer?: Exclude<SigningKey, "none">;
  /** Another key than the endorsed one to sign with. */
  readonly signingKey?: EndorsementKey;
}

/** A time at which everything that `FakeAmd` issues by default is valid. */
export const NOW = new Date("2026-01-01T00:00:00Z");

const VLEK_KEY_INFO = 0b00100;

/** Evidence that `verifyReport` accepts, but for the changes. */
export function genuine(amd: FakeAmd, changes: GenuineChanges = {}): VerifyReportInput {
  const { signer = "VCEK" } = changes;
  const base = reportFields(amd.product);
  const fields = { ...base, ...(signer === "VLEK" && { keyInfo: VLEK_KEY_INFO }), ...changes.report };
  const request = { tcb: base.reportedTcb, ...changes.endorsement };
  const hwId = amd.product === "Turin" ? base.chipId.subarray(0, 8) : base.chipId;
  const key = signer === "VCEK" ? amd.issueVcek({ hwId, ...request }) : amd.issueVlek(request);
  return {
    report: signReport(writeReport(fields), (changes.signingKey ?? key).privateKey),
    endorsementCert: key.certificate,
    caChain: [signer === "VCEK" ? amd.ask : amd.asvk],
    roots: [parseCertificate(amd.ark)],
    now: NOW,
    revocation: { kind: "crls", crls: [amd.issueCrl([])] },
    ...changes.input,
  };
}
