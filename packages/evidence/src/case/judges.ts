import type { HclReport } from "@constellation/hcl";
import { parseReport, SevSnpError } from "@constellation/sev-snp";
import { about, type Check } from "@constellation/verdict";
import { verifyTpmCertificate } from "@constellation/vtpm";
import { readHcl, verifyReportData } from "../azure.ts";
import { complete, type Judgement } from "../judgement.ts";
import { judgeLaunchPrediction } from "../launch-digest.ts";
import { certificatesIn, rootsOf } from "../pem.ts";
import { judgeSevSnp } from "../sev-snp.ts";
import { NOT_ASKED, parseCasePolicy } from "./case-policy.ts";
import type { CaseInput } from "./input.ts";
import { parseLaunchVectors } from "./launch-vectors.ts";
import { sevSnpPolicy } from "./own-policy.ts";
import { certificatesOf, sevSnpParts } from "./parts.ts";

/** The paravisor's report alone; with the certificates of the hardware's evidence inside, that too. */
export function judgeHcl(input: CaseInput, now: Date): Judgement {
  const reading = readHcl(input.files.get("hcl_report"), undefined);
  const { report, claims } = reading;
  const judged =
    report?.reportType === "sev-snp" && input.files.has("endorsement_cert")
      ? judgeSevSnp({ ...sevSnpParts(input), report: report.hwReport }, sevSnpPolicy(input), now)
      : { checks: [], claims: {} };
  const bound = report === undefined ? [] : [judgeReportData(report)];
  return {
    checks: [
      ...judged.checks,
      ...complete(["hcl", "hcl.reportType", "hcl.runtimeClaims", "hcl.reportData"], [...reading.checks, ...bound]),
    ],
    claims: {
      ...(report && { reportType: report.reportType }),
      ...(claims && { vmConfiguration: claims.vmConfiguration as Judgement["claims"] }),
      ...judged.claims,
    },
  };
}

/** Intel TDX Module ABI Specification, REPORTMACSTRUCT: REPORTDATA. */
const TDREPORT_REPORT_DATA = { offset: 128, end: 192 };

/** Compares the report data of the hardware's evidence, as it stands there, with the paravisor's claims. */
function judgeReportData(report: HclReport): Check {
  const { reportType, hwReport } = report;
  if (reportType === "tdx") {
    return verifyReportData(report, hwReport.subarray(TDREPORT_REPORT_DATA.offset, TDREPORT_REPORT_DATA.end));
  }
  try {
    return verifyReportData(report, parseReport(hwReport).reportData);
  } catch (error) {
    if (!(error instanceof SevSnpError)) throw error;
    return about("hardware.evidence").fail("hcl.reportData", error.code, { reason: error.message });
  }
}

/** Judges the certificate of a TPM's key alone. */
export function judgeEkCertificate({ case: subject, files, roots }: CaseInput, now: Date): Judgement {
  const { usage } = parseCasePolicy(subject);
  const [certificate] = certificatesIn(files.get("certificate"));
  const name = usage === "enc" ? "ekCertificate" : "akCertificate";
  const { checks, chain } = verifyTpmCertificate({
    name,
    certificate: certificate ?? new Uint8Array(),
    intermediates: certificatesOf(files, "ca_chain"),
    roots: rootsOf(roots),
    now,
    usage: usage === "enc" ? "encrypt" : "sign",
    spki: undefined,
  });
  const asked = usage === undefined ? checks.map((done) => unasked(done, `${name}.usage`)) : checks;
  return {
    checks: complete([`${name}.format`, `${name}.chain`, `${name}.usage`], asked),
    claims: chain === undefined ? {} : { chain: chain.map(({ subject: { text } }) => text) },
  };
}

/** A check that the case does not ask for is accepted by choice. */
function unasked(done: Check, name: string): Check {
  if (done.name !== name) return done;
  return about("runtime-opaque.operator").open(name, NOT_ASKED.reason, { got: done.got as string });
}

/** Judges predictions of launch measurements. */
export function judgeLaunchDigests({ files, named }: CaseInput): Judgement {
  const predictions = parseLaunchVectors(files.get("vectors"), named);
  const checks: Check[] = predictions.map(judgeLaunchPrediction);
  if (checks.length === 0)
    checks.push(about("executables.firmware").fail("vectors", "vectors_missing", { got: "none", wanted: "some" }));
  return { checks, claims: { entries: predictions.length } };
}
