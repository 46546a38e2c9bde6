import { equalConstantTime, hex } from "@constellation/bytes";
import type { HclReport } from "@constellation/hcl";
import { parseReport, productOfCpuid, type Report, SevSnpError, validateReport } from "@constellation/sev-snp";
import { readTdReportStruct, validateQuote } from "@constellation/tdx";
import { about, type Check } from "@constellation/verdict";
import { verifyTpmCertificate } from "@constellation/vtpm";
import { readHcl, tdReportDataOf, verifyReportData } from "../azure.ts";
import { type EventLogParts, judgeEventLog } from "../event-log.ts";
import { complete, type Judgement } from "../judgement.ts";
import { judgeLaunchPrediction } from "../launch-digest.ts";
import { certificatesIn, rootsOf } from "../pem.ts";
import { judgeSevSnp } from "../sev-snp.ts";
import {
  type Entries,
  NOT_ASKED,
  parseCasePolicy,
  parseHclPolicy,
  quotePolicyOf,
  reportPolicyOf,
  wantedRegistersOf,
} from "./case-policy.ts";
import type { CaseInput } from "./input.ts";
import { parseLaunchVectors } from "./launch-vectors.ts";
import { sevSnpPolicy } from "./own-policy.ts";
import { BANK_NAMES, parseRegisterFile } from "./registers.ts";
import { certificatesOf, sevSnpParts } from "./parts.ts";

/**
 * The paravisor's report alone; with the certificates of the hardware's evidence inside, that too. What a case asks of a
 * report that nobody vouches for is looked at as well, and shows nothing.
 */
export function judgeHcl(input: CaseInput, now: Date): Judgement {
  const reading = readHcl(input.files.get("hcl_report"), undefined);
  const { report, claims } = reading;
  const entries = report ? parseHclPolicy(input.case, report.reportType) : parseCasePolicy(input.case);
  const judged =
    report?.reportType === "sev-snp" && input.files.has("endorsement_cert")
      ? judgeSevSnp({ ...sevSnpParts(input), report: report.hwReport }, sevSnpPolicy(input), now)
      : { checks: report ? validateUnsigned(report, entries) : [], claims: {} };
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

/** Whether an unsigned report is as the case asks. Such as can't be read is refused for that where its report data are compared. */
function validateUnsigned({ reportType, hwReport }: HclReport, entries: Entries): Check[] {
  if (Object.keys(entries).length === 0) return [];
  const checks = reportType === "tdx" ? validateTdReport(hwReport, entries) : validateSnpReport(hwReport, entries);
  return checks
    .filter(({ outcome }) => outcome !== "accepted-by-choice")
    .map((done) => (done.outcome === "pass" ? { ...done, speaksFor: "hardware.evidence" } : done));
}

function validateTdReport(hwReport: Uint8Array, entries: Entries): readonly Check[] {
  const quote = { body: readTdReportStruct(hwReport) };
  return validateQuote({ quote, tcb: undefined }, { ...quotePolicyOf(entries), tcb: NOT_ASKED });
}

/** Reports of version 2 do not say what CPU they are of; the product lines that have such have one form of the TCB. */
function validateSnpReport(hwReport: Uint8Array, entries: Entries): readonly Check[] {
  const { report } = readSnpReport(hwReport);
  if (report === undefined) return [];
  const product = report.cpuid === undefined ? "Milan" : productOfCpuid(report.cpuid);
  if (product !== undefined) return validateReport(report, product, reportPolicyOf(entries));
  const got = `family ${report.cpuid?.famId}, model ${report.cpuid?.modId}`;
  return [about("hardware.evidence").fail("report.cpuid", "cpuid_unknown", { got, wanted: "Milan, Genoa or Turin" })];
}

type ReportReading =
  | { readonly report: Report; readonly error?: undefined }
  | { readonly report?: undefined; readonly error: SevSnpError };

function readSnpReport(hwReport: Uint8Array): ReportReading {
  try {
    return { report: parseReport(hwReport) };
  } catch (error) {
    if (error instanceof SevSnpError) return { error };
    throw error;
  }
}

/** Compares the report data of the hardware's evidence, as it stands there, with the paravisor's claims. */
function judgeReportData(report: HclReport): Check {
  const { reportType, hwReport } = report;
  if (reportType === "tdx") return verifyReportData(report, tdReportDataOf(report));
  const { report: inside, error } = readSnpReport(hwReport);
  if (inside !== undefined) return verifyReportData(report, inside.reportData);
  return about("hardware.evidence").fail("hcl.reportData", error.code, { reason: error.message });
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

const MAX_BANK_NAME_LENGTH = 32;

/** Judges a log by the values that it must lead to, and these by what the case asks of them. */
export function judgeLog({ case: subject, files }: CaseInput, format: EventLogParts["format"]): Judgement {
  const wanted = wantedRegistersOf(parseCasePolicy(subject));
  const { banks: registers, unknownBanks } = parseRegisterFile(files.get("pcrs"));
  const { checks, claims } = judgeEventLog({ eventLog: files.get("eventlog"), format, registers });
  const { check, fail } = about("executables.log");
  const asked = [...wanted].flatMap(([bank, values]) =>
    Array.from(values, ([index, value]) => {
      const got = registers.get(bank)?.get(index);
      const holds = got !== undefined && equalConstantTime(got, value);
      return check(holds, `pcrs.${bank}[${index}]`, "pcr_mismatch", got ? hex(got) : "none", hex(value));
    }),
  );
  // Values that nothing can be compared with were asked for in vain.
  const unknown = unknownBanks.map((name) => {
    const shown = JSON.stringify(name.slice(0, MAX_BANK_NAME_LENGTH));
    return fail(`eventLog.${shown}`, "eventlog_no_bank", {
      got: `values of bank ${shown}`,
      wanted: BANK_NAMES.join(", "),
    });
  });
  return { checks: [...checks, ...unknown, ...asked], claims };
}

/** Judges predictions of launch measurements. */
export function judgeLaunchDigests({ case: subject, files, named }: CaseInput): Judgement {
  parseCasePolicy(subject);
  const predictions = parseLaunchVectors(files.get("vectors"), named);
  const checks: Check[] = predictions.map(judgeLaunchPrediction);
  if (checks.length === 0)
    checks.push(about("executables.firmware").fail("vectors", "vectors_missing", { got: "none", wanted: "some" }));
  return { checks, claims: { entries: predictions.length } };
}
