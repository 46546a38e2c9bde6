import {
  decodeTcbVersion,
  type GuestPolicyPolicy,
  type MilanGenoaSvns,
  type PlatformInfoPolicy,
  type Product,
  type ProductPolicies,
  type ProductPolicy,
  type Report,
  type ReportPolicy,
  type TurinSvns,
} from "@constellation/sev-snp";
import { equal, least, OWN_TO_EACH, OWN_TO_MACHINE } from "./expect.ts";

/**
 * A policy that accepts what a good report shows: measurements and settings as they are, versions as they are or newer.
 * What differs from report to report, or from machine to machine, is left open, and says so.
 */
export function reportPolicyFrom(report: Report, product: Product): ReportPolicy {
  const { launchMitVector, currentMitVector } = report;
  return {
    version: least(report.version),
    guestSvn: least(report.guestSvn),
    policy: guestPolicyFrom(report),
    familyId: equal(report.familyId),
    imageId: equal(report.imageId),
    vmpl: equal(report.vmpl),
    platformInfo: platformInfoFrom(report),
    authorKeyEn: equal(report.authorKeyEn),
    signingKey: equal(report.signingKey),
    reportData: OWN_TO_EACH,
    measurement: equal(report.measurement),
    hostData: equal(report.hostData),
    idKeyDigest: equal(report.idKeyDigest),
    authorKeyDigest: equal(report.authorKeyDigest),
    reportIdMa: equal(report.reportIdMa),
    chipId: OWN_TO_MACHINE,
    current: least(report.current),
    committed: least(report.committed),
    provisionalFirmware: { kind: "any", reason: "firmware is judged by its versions" },
    launchMitVector: launchMitVector === undefined ? NO_MIT_VECTOR : least<bigint | undefined>(launchMitVector),
    currentMitVector: currentMitVector === undefined ? NO_MIT_VECTOR : least<bigint | undefined>(currentMitVector),
    products: productsFrom(report, product),
  };
}

const NO_MIT_VECTOR = { kind: "any", reason: "the report is of a version without mitigation vectors" } as const;

function guestPolicyFrom({ policy }: Report): GuestPolicyPolicy {
  return {
    abi: least({ major: policy.abiMajor, minor: policy.abiMinor }),
    smt: equal(policy.smt),
    migrateMa: equal(policy.migrateMa),
    debug: equal(policy.debug),
    singleSocket: equal(policy.singleSocket),
    cxlAllow: equal(policy.cxlAllow),
    memAes256Xts: equal(policy.memAes256Xts),
    raplDis: equal(policy.raplDis),
    ciphertextHiding: equal(policy.ciphertextHiding),
    pageSwapDisable: equal(policy.pageSwapDisable),
  };
}

function platformInfoFrom({ platformInfo }: Report): PlatformInfoPolicy {
  return {
    smtEn: equal(platformInfo.smtEn),
    tsmeEn: equal(platformInfo.tsmeEn),
    eccEn: equal(platformInfo.eccEn),
    raplDis: equal(platformInfo.raplDis),
    ciphertextHidingDramEn: equal(platformInfo.ciphertextHidingDramEn),
    aliasCheckComplete: equal(platformInfo.aliasCheckComplete),
    tioEn: equal(platformInfo.tioEn),
    reserved: equal(platformInfo.reserved),
  };
}

/** The product line of the report from its TCB versions on; no other. */
function productsFrom(report: Report, product: Product): ProductPolicies {
  const refuse = { kind: "refuse" } as const;
  const others = { Milan: refuse, Genoa: refuse, Turin: refuse };
  const tcb = (raw: Uint8Array): TurinSvns => ({ fmc: 0, ...decodeTcbVersion(raw, product) });
  const [reported, committed, launch] = [tcb(report.reportedTcb), tcb(report.committedTcb), tcb(report.launchTcb)];
  if (product === "Turin") {
    const turin: ProductPolicy<TurinSvns> = { kind: "minimum", reported, committed, launch };
    return { ...others, Turin: turin };
  }
  const older: ProductPolicy<MilanGenoaSvns> = {
    kind: "minimum",
    reported: withoutFmc(reported),
    committed: withoutFmc(committed),
    launch: withoutFmc(launch),
  };
  return { ...others, [product]: older };
}

function withoutFmc({ bootLoader, tee, snp, microcode }: TurinSvns): MilanGenoaSvns {
  return { bootLoader, tee, snp, microcode };
}
