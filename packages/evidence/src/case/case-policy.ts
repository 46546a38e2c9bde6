import type { Bank } from "@constellation/eventlog";
import {
  bytes,
  type Field,
  findingsText,
  FLAG,
  list,
  object,
  oneOf,
  readValue,
  text,
  type ValueOf,
  whole,
} from "@constellation/fields";
import type { ReportType } from "@constellation/hcl";
import { type DocumentPolicy, openDocumentPolicy } from "@constellation/nitro";
import {
  type MilanGenoaSvns,
  openReportPolicy,
  type ProductPolicy,
  type ReportPolicy,
  type SigningKey,
  type TurinSvns,
} from "@constellation/sev-snp";
import { type AcceptableTcbStatus, openQuotePolicy, type QuotePolicy, TCB_STATUSES } from "@constellation/tdx";
import type { Expectation } from "@constellation/verdict";
import { EvidenceError } from "../error.ts";
import { openQuotesPolicy } from "../policy/open.ts";
import type { QuotesPolicy } from "../vtpm.ts";
import { anyCase } from "./any-case.ts";
import type { Case } from "./case.ts";
import { WANTED_REGISTERS, wantedOf } from "./wanted-registers.ts";

/** What stands for an entry that a case leaves out. */
export const NOT_ASKED = { kind: "any", reason: "not asked by the case" } as const;
const ALLOWED = { kind: "any", reason: "allowed by the case" } as const;

const NITRO_PCRS = Array.from({ length: 32 }, (_, index) => index);

const SVN = whole(0, 255);
const COMPONENTS = ["fmc", "bl", "tee", "snp", "ucode"] as const;
type Component = (typeof COMPONENTS)[number];

/** All components, those left out as zero. */
const MIN_TCB: Field<Readonly<Record<Component, number>>> = {
  read(reader, path, value) {
    const members = reader.object(path, value, COMPONENTS);
    const entries = COMPONENTS.map((name) => [name, SVN.read(reader, `${path}.${name}`, members[name] ?? 0)]);
    return Object.fromEntries(entries) as Record<Component, number>;
  },
  write: (value) => value,
};

const ENTRIES = {
  allow_debug: FLAG,
  allow_migrate_ma: FLAG,
  vmpl: whole(0, 3),
  signing_key: oneOf<SigningKey | "any">(["VCEK", "VLEK", "any"]),
  min_tcb: MIN_TCB,
  report_data: anyCase(bytes(0, 64)),
  measurement: anyCase(bytes(48)),
  host_data: anyCase(bytes(32)),
  mrtd: anyCase(bytes(48)),
  rtmr0: anyCase(bytes(48)),
  rtmr1: anyCase(bytes(48)),
  rtmr2: anyCase(bytes(48)),
  rtmr3: anyCase(bytes(48)),
  collateral: oneOf(["required", "none"]),
  accept_tcb_status: list(text(/^[A-Za-z]{1,64}$/, "the name of a TCB status")),
  nonce: anyCase(bytes(0, 1024)),
  pcrs: WANTED_REGISTERS,
  user_data: anyCase(bytes(0, 1024)),
  usage: oneOf(["sign", "enc"]),
  allow_sha1: FLAG,
};

/** What a case asks for. */
export type Entries = { readonly [K in keyof typeof ENTRIES]?: ValueOf<(typeof ENTRIES)[K]> };

/** What a report of SEV-SNP is asked for wherever it is, but for report data that a paravisor has taken. */
const OF_SNP = [
  "allow_debug",
  "allow_migrate_ma",
  "vmpl",
  "signing_key",
  "min_tcb",
  "measurement",
  "host_data",
] as const;
/** The same for a TD. */
const OF_TDX = ["allow_debug", "mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"] as const;

/** Entries that may be asked of a paravisor's report, by the hardware's report in it. */
const OF_HCL: Readonly<Record<ReportType, readonly (keyof typeof ENTRIES)[]>> = {
  "sev-snp": OF_SNP,
  tdx: OF_TDX,
};

/** Entries of a case's policy by kind of evidence. */
const ENTRIES_OF: Readonly<Record<Case["kind"], readonly (keyof typeof ENTRIES)[]>> = {
  "sev-snp": [...OF_SNP, "report_data"],
  "sev-snp-launch-digest": [],
  tdx: [...OF_TDX, "collateral", "accept_tcb_status", "report_data"],
  "azure-hcl": [...OF_SNP, ...OF_TDX],
  "azure-sev-snp": [...OF_SNP, "nonce", "pcrs"],
  "azure-tdx": [...OF_TDX, "collateral", "accept_tcb_status", "nonce", "pcrs"],
  "tpm-quote": ["nonce", "pcrs", "allow_sha1"],
  "gcp-ek-cert": ["usage"],
  "tpm-eventlog": ["pcrs"],
  ccel: ["pcrs"],
  nitro: ["allow_debug", "pcrs", "user_data", "nonce"],
};

/**
 * Reads the policy of a case. An entry that its kind does not know is an error: it would be asked for in vain.
 * @throws EvidenceError `policy_malformed`
 */
export function parseCasePolicy(subject: Case): Entries {
  return parseEntries(subject, ENTRIES_OF[subject.kind]);
}

/** The same for a paravisor's report, with the entries that fit the hardware's report in it. */
export function parseHclPolicy(subject: Case, reportType: ReportType): Entries {
  return parseEntries(subject, OF_HCL[reportType]);
}

function parseEntries({ kind, policy }: Case, known: readonly (keyof typeof ENTRIES)[]): Entries {
  const names = known.filter((name) => policy[name] !== undefined);
  const fields = Object.fromEntries(names.map((name) => [name, ENTRIES[name] as Field<unknown>]));
  const { value, findings } = readValue(object<Record<string, unknown>>(fields), policy);
  if (findings === undefined) {
    requireJudgedBank(kind, value as Entries);
    return value as Entries;
  }
  throw new EvidenceError("policy_malformed", `Read case failed: ${findingsText("policy", findings)}`, { findings });
}

/**
 * Values of banks that are not judged would be asked for in vain. SHA-1 decides nothing, so that its values may stand
 * beside others only; Nitro has registers of SHA-384 alone.
 */
function requireJudgedBank(kind: Case["kind"], { pcrs }: Entries): void {
  if (pcrs === undefined || pcrs.banks.size === 0) return;
  const judged: readonly Bank[] = kind === "nitro" ? ["sha384"] : ["sha256", "sha384", "sha512"];
  const named = [...pcrs.banks.keys()];
  const isAskedInVain = named.some((bank) => bank !== "sha1" && !judged.includes(bank));
  if (!isAskedInVain && named.some((bank) => judged.includes(bank))) return;
  throw new EvidenceError(
    "policy_malformed",
    `Read case failed: policy.pcrs: got values of ${named.join(", ")}, wanted ${judged.join(", ")}`,
  );
}

/** The total policy for a report: entries that the case leaves out accept anything, and say so. */
export function reportPolicyOf(entries: Entries): ReportPolicy {
  const open = openReportPolicy(NOT_ASKED);
  const { signing_key: signingKey, min_tcb: least, report_data: prefix } = entries;
  return {
    ...open,
    policy: { ...open.policy, debug: flag(entries.allow_debug), migrateMa: flag(entries.allow_migrate_ma) },
    vmpl: exactly(entries.vmpl),
    signingKey: signingKey === "any" ? ALLOWED : exactly(signingKey),
    reportData: isAsked(prefix) ? { kind: "prefix", anyOf: [prefix] } : NOT_ASKED,
    measurement: exactly(entries.measurement),
    hostData: exactly(entries.host_data),
    ...(least && { products: productsOf(least) }),
  };
}

/**
 * A lower bound on the reported TCB alone, by the components that each product line has. Lines without an FMC reach no
 * bound on it.
 */
function productsOf(least: Readonly<Record<Component, number>>): ReportPolicy["products"] {
  const { fmc, bl, tee, snp, ucode } = least;
  const reported = { bootLoader: bl, tee, snp, microcode: ucode };
  const none = { bootLoader: 0, tee: 0, snp: 0, microcode: 0 };
  const older: ProductPolicy<MilanGenoaSvns> =
    fmc > 0 ? { kind: "refuse" } : { kind: "minimum", reported, committed: none, launch: none };
  const noneOfTurin = { ...none, fmc: 0 };
  const turin: ProductPolicy<TurinSvns> = {
    kind: "minimum",
    reported: { ...reported, fmc },
    committed: noneOfTurin,
    launch: noneOfTurin,
  };
  return { Milan: older, Genoa: older, Turin: turin };
}

/** The group TUD: a TD with any of these can be looked into (Intel TDX Module Base Architecture Specification, ATTRIBUTES). */
const UNDER_DEBUG = ["DEBUG", "HGS_PLUS_PROF", "PERF_PROF", "PMT_PROF"] as const;

/** The total policy for a quote. */
export function quotePolicyOf(entries: Entries): QuotePolicy {
  const open = openQuotePolicy(NOT_ASKED);
  const { report_data: prefix, allow_debug: debug } = entries;
  const underDebug = Object.fromEntries(UNDER_DEBUG.map((name) => [name, flag(debug)]));
  return {
    ...open,
    TDATTRIBUTES: { ...open.TDATTRIBUTES, ...underDebug },
    MRTD: exactly(entries.mrtd),
    RTMR0: exactly(entries.rtmr0),
    RTMR1: exactly(entries.rtmr1),
    RTMR2: exactly(entries.rtmr2),
    RTMR3: exactly(entries.rtmr3),
    REPORTDATA: isAsked(prefix) ? { kind: "prefix", prefix } : NOT_ASKED,
    tcb: tcbPolicyOf(entries),
  };
}

/**
 * Without collateral there is no status to accept, so that a case which says to judge none of it asks for none. Names that
 * Intel gives no status accept nothing, and Revoked is nothing to accept.
 */
function tcbPolicyOf({ collateral, accept_tcb_status: names }: Entries): QuotePolicy["tcb"] {
  if (names === undefined || collateral === "none") return NOT_ASKED;
  const acceptedTcbStatuses = TCB_STATUSES.filter((status) => status !== "Revoked" && names.includes(status));
  return {
    kind: "judged",
    acceptedTcbStatuses: acceptedTcbStatuses as AcceptableTcbStatus[],
    minimumTcbEvaluationDataNumber: 0,
  };
}

/** An empty prefix asks for nothing. */
function isAsked(prefix: Uint8Array | undefined): prefix is Uint8Array {
  return prefix !== undefined && prefix.length > 0;
}

/** The total policy for a document of AWS Nitro. */
export function documentPolicyOf(entries: Entries): DocumentPolicy {
  const open = openDocumentPolicy(NOT_ASKED, NITRO_PCRS);
  return {
    ...open,
    debug: flag(entries.allow_debug),
    pcrs: narrowed(open.pcrs, entries.pcrs?.banks.get("sha384") ?? entries.pcrs?.plain),
    userData: exactly(entries.user_data),
    nonce: exactly(entries.nonce),
  };
}

/** The total policy for quotes of a TPM; `explained` are the registers that an event log has to explain in full. */
export function quotesPolicyOf(entries: Entries): QuotesPolicy {
  const open = openQuotesPolicy(NOT_ASKED);
  const inBank = (bank: keyof QuotesPolicy["pcrs"]) =>
    narrowed(open.pcrs[bank], entries.pcrs && wantedOf(entries.pcrs, bank));
  return {
    ...open,
    qualifyingData: exactly(entries.nonce),
    pcrs: { sha256: inBank("sha256"), sha384: inBank("sha384"), sha512: inBank("sha512") },
  };
}

/** Register values that a case asks of a log, by bank. */
export function wantedRegistersOf({ pcrs }: Entries): ReadonlyMap<Bank, ReadonlyMap<number, Uint8Array>> {
  if (pcrs === undefined) return new Map();
  const banks = (["sha256", "sha384", "sha512"] as const).map((bank) => [bank, wantedOf(pcrs, bank)] as const);
  return new Map([...pcrs.banks, ...banks]);
}

function narrowed(
  open: ReadonlyMap<number, Expectation<Uint8Array>>,
  wanted: ReadonlyMap<number, Uint8Array> | undefined,
): ReadonlyMap<number, Expectation<Uint8Array>> {
  return new Map([...open, ...Array.from(wanted ?? [], ([index, value]) => [index, exactly(value)] as const)]);
}

function exactly<T>(value: T | undefined): Expectation<T> {
  return value === undefined ? NOT_ASKED : { kind: "equal", anyOf: [value] };
}

/** What "allow" means: with it anything goes, without it the flag must be clear. */
function flag(allowed: boolean | undefined): Expectation<boolean> {
  if (allowed === undefined) return NOT_ASKED;
  return allowed ? ALLOWED : { kind: "equal", anyOf: [false] };
}
