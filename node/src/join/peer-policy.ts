import { CLUSTER_REGISTER, type PlatformEvidence, type PlatformPolicy } from "@constellation/attestation";
import {
  type BoundNitroPolicy,
  type BoundQuotePolicy,
  type BoundQuotesPolicy,
  type BoundReportPolicy,
  type BoundSevSnpPolicy,
  type BoundTdxPolicy,
} from "@constellation/evidence";
import { parseHclReport } from "@constellation/hcl";
import { parseDocument } from "@constellation/nitro";
import { openReportPolicy, parseReport } from "@constellation/sev-snp";
import { type AcceptableTcbStatus, openQuotePolicy, parseQuote, TCB_STATUSES } from "@constellation/tdx";
import { AMD_ROOTS, AWS_NITRO_ROOT, GCP_EK_AK_ROOT, INTEL_ROOT } from "@constellation/vendor-roots";
import type { Expectation } from "@constellation/verdict";
import { type Certificate, parseCertificate, pemToDer } from "@constellation/x509";
import { NodeError } from "../errors.ts";

/** Root certificates of the vendors, by whom a joining node believes evidence. */
export interface VendorRoots {
  readonly amd: readonly Certificate[];
  readonly intel: readonly Certificate[];
  readonly awsNitro: readonly Certificate[];
  readonly gcp: readonly Certificate[];
  /** Microsoft's for virtual TPMs of Trusted Launch. */
  readonly azure: readonly Certificate[];
}

/** The vendors' own; Microsoft's root for virtual TPMs is not known to this image. */
export const VENDOR_ROOTS: VendorRoots = {
  amd: Object.values(AMD_ROOTS).map(root),
  intel: [root(INTEL_ROOT)],
  awsNitro: [root(AWS_NITRO_ROOT)],
  gcp: [root(GCP_EK_AK_ROOT)],
  azure: [],
};

/** What the boot measured of kernel, root hash and command line: must be what it is here. */
const SAME_AS_OWN: ReadonlySet<number> = new Set([4, 8, 9, 11, 12, 13, 14]);
const NITRO_REGISTERS = 32;

const OWN_TO_MACHINE = { kind: "any", reason: "depends on the machine, not on the image" } as const;
const UNKNOWN_RECORDS = { kind: "any", reason: "a joining node can't know the records of the cluster yet" } as const;
const JUDGED_BEFORE = {
  kind: "any",
  reason: "the cluster's policy judged the peer's firmware when it joined",
} as const;
/** Without collateral anyone with an enclave on a genuine platform can make any quote; with keys of a revoked one, too. */
const GENUINE_QUOTES: BoundTdxPolicy["collateral"] = {
  kind: "required",
  thisUpdate: { rootCaCrl: JUDGED_BEFORE, pckCrl: JUDGED_BEFORE },
};
const NOT_REVOKED: BoundQuotePolicy["tcb"] = {
  kind: "judged",
  acceptedTcbStatuses: TCB_STATUSES.filter((status): status is AcceptableTcbStatus => status !== "Revoked"),
  minimumTcbEvaluationDataNumber: 0,
};
const CLUSTER = { kind: "any", reason: "must not be empty, and must be that of the ticket's cluster" } as const;

/**
 * The policy by which a node on real hardware accepts the join service: genuine evidence of its own variant, of what it
 * runs itself, in the same settings, without debugging (ADR 16, ADR 30). The caller has to look at the cluster register.
 * @throws NodeError `platform` where no root of the variant's vendor is known
 */
export function peerPolicy(own: PlatformEvidence, roots: VendorRoots): PlatformPolicy {
  const machines = UNKNOWN_RECORDS;
  switch (own.variant) {
    case "sev-snp":
      return { variant: own.variant, machines, sevSnp: sevSnp(own.sevSnp.report, roots, "measurement") };
    case "tdx":
      return { variant: own.variant, machines, tdx: tdx(own.tdx.quote, roots) };
    case "aws-sev-snp":
      return {
        variant: own.variant,
        machines,
        sevSnp: sevSnp(own.sevSnp.report, roots, "firmware"),
        nitroTpm: nitroTpm(own.nitroTpm.document, roots),
      };
    case "aws-nitro-tpm":
      return { variant: own.variant, machines, nitroTpm: nitroTpm(own.nitroTpm.document, roots) };
    case "azure-sev-snp": {
      const { hwReport } = parseHclReport(own.azure.hclReport);
      return {
        variant: own.variant,
        machines,
        azure: { sevSnp: sevSnp(hwReport, roots, "signer"), ...azure(own.azure.pcrs) },
      };
    }
    case "azure-tdx":
      return {
        variant: own.variant,
        machines,
        azure: { tdx: azureTdx(own.azure.tdx.quote, roots), ...azure(own.azure.pcrs) },
      };
    case "azure-trusted-launch":
      return { variant: own.variant, machines, vtpm: vtpm(own.vtpm.pcrs, required(roots.azure, own.variant)) };
    case "gcp-sev-snp":
      return {
        variant: own.variant,
        machines,
        sevSnp: sevSnp(own.sevSnp.report, roots, "firmware"),
        vtpm: vtpm(own.vtpm.pcrs, required(roots.gcp, own.variant)),
      };
    case "gcp-tdx":
      return {
        variant: own.variant,
        machines,
        tdx: cloudTdx(own.tdx.quote, roots),
        vtpm: vtpm(own.vtpm.pcrs, required(roots.gcp, own.variant)),
      };
    case "gcp-sev-es":
      return { variant: own.variant, machines, vtpm: vtpm(own.vtpm.pcrs, required(roots.gcp, own.variant)) };
  }
}

function root(pem: string): Certificate {
  return parseCertificate(pemToDer(pem));
}

function required(roots: readonly Certificate[], variant: string): readonly Certificate[] {
  if (roots.length > 0) return roots;
  throw new NodeError("platform", `Make join policy failed: got no root of the vendor of ${variant}, wanted one`);
}

function equal<T>(value: T): Expectation<T> {
  return { kind: "equal", anyOf: [value] };
}

/** `by` is what tells the image or its firmware: the launch measurement, or who signed it; or the TPM beside it does. */
function sevSnp(
  report: Uint8Array,
  { amd }: VendorRoots,
  by: "measurement" | "signer" | "firmware",
): BoundSevSnpPolicy {
  const own = parseReport(report);
  const { reportData: _, ...open } = openReportPolicy(OWN_TO_MACHINE);
  const no = equal(false);
  const rules: BoundReportPolicy = {
    ...open,
    policy: {
      ...open.policy,
      debug: no,
      migrateMa: no,
      smt: equal(own.policy.smt),
      singleSocket: equal(own.policy.singleSocket),
    },
    vmpl: equal(own.vmpl),
    signingKey: equal(own.signingKey),
    measurement: by === "measurement" ? equal(own.measurement) : OWN_TO_MACHINE,
    idKeyDigest: by === "signer" ? equal(own.idKeyDigest) : OWN_TO_MACHINE,
    hostData: UNKNOWN_RECORDS,
    products: { Milan: JUDGED_BEFORE, Genoa: JUDGED_BEFORE, Turin: JUDGED_BEFORE },
  };
  return { roots: amd, revocation: JUDGED_BEFORE, cspId: JUDGED_BEFORE, report: rules };
}

/** A TD that its own registers tell the image of. RTMR0 has firmware settings and tables, which differ. */
function tdx(quote: Uint8Array, { intel }: VendorRoots): BoundTdxPolicy {
  const { body } = parseQuote(quote);
  const { REPORTDATA: _, ...open } = openQuotePolicy(OWN_TO_MACHINE);
  const no = equal(false);
  const rules: BoundQuotePolicy = {
    ...open,
    // Intel's module, not debugged; what the host says in this node's own quote does not matter.
    MRSIGNERSEAM: equal(new Uint8Array(48)),
    SEAMATTRIBUTES: equal(new Uint8Array(8)),
    TDATTRIBUTES: { ...open.TDATTRIBUTES, DEBUG: no, HGS_PLUS_PROF: no, PERF_PROF: no, PMT_PROF: no, MIGRATABLE: no },
    MRTD: equal(body.MRTD),
    MRCONFIGID: UNKNOWN_RECORDS,
    RTMR1: equal(body.RTMR1),
    RTMR2: equal(body.RTMR2),
    RTMR3: CLUSTER,
    tcb: NOT_REVOKED,
  };
  return { roots: intel, collateral: GENUINE_QUOTES, ccel: OWN_TO_MACHINE, quote: rules };
}

/** A TD of a cloud, whose TPM tells the image. */
function cloudTdx(quote: Uint8Array, roots: VendorRoots): BoundTdxPolicy {
  const policy = tdx(quote, roots);
  const open = { RTMR1: OWN_TO_MACHINE, RTMR2: OWN_TO_MACHINE, RTMR3: OWN_TO_MACHINE };
  return { ...policy, quote: { ...policy.quote, ...open, MRTD: OWN_TO_MACHINE } };
}

/** Azure's TPM is the paravisor's, which the TD's launch measurement tells. */
function azureTdx(quote: Uint8Array, roots: VendorRoots): BoundTdxPolicy {
  const policy = cloudTdx(quote, roots);
  return { ...policy, quote: { ...policy.quote, MRTD: equal(parseQuote(quote).body.MRTD) } };
}

function azure(pcrs: ReadonlyMap<number, Uint8Array>) {
  const vmConfiguration = { secureBoot: OWN_TO_MACHINE, tpmEnabled: equal(true), consoleEnabled: OWN_TO_MACHINE };
  return { vmConfiguration, vtpm: quotes(pcrs) };
}

function vtpm(pcrs: ReadonlyMap<number, Uint8Array>, roots: readonly Certificate[]) {
  return { ...quotes(pcrs), akCertificate: { kind: "required", roots } as const };
}

function quotes(own: ReadonlyMap<number, Uint8Array>): BoundQuotesPolicy {
  return {
    pcrs: { sha256: registers(own, own.keys()), sha384: new Map(), sha512: new Map() },
    eventLog: OWN_TO_MACHINE,
  };
}

function nitroTpm(bytes: Uint8Array, { awsNitro }: VendorRoots): BoundNitroPolicy {
  const { document } = parseDocument(bytes);
  const indices = Array.from({ length: NITRO_REGISTERS }, (_, index) => index);
  return {
    roots: awsNitro,
    document: {
      kind: equal("nitrotpm"),
      moduleId: UNKNOWN_RECORDS,
      timestamp: { kind: "any", reason: "the document is as new as the nonce in it" },
      pcrs: registers(document.pcrs, indices),
      debug: equal(false),
      publicKey: { kind: "absent" },
      userData: { kind: "absent" },
    },
  };
}

function registers(
  own: ReadonlyMap<number, Uint8Array>,
  indices: Iterable<number>,
): ReadonlyMap<number, Expectation<Uint8Array>> {
  return new Map(Array.from(indices, (index) => [index, registerRule(index, own.get(index))]));
}

/** A register of the boot that this machine does not have could hold anything there, so that there must be none, too. */
function registerRule(index: number, own: Uint8Array | undefined): Expectation<Uint8Array> {
  if (index === CLUSTER_REGISTER.pcr) return CLUSTER;
  if (!SAME_AS_OWN.has(index)) return OWN_TO_MACHINE;
  return { kind: "equal", anyOf: own === undefined ? [] : [own] };
}
