import type { MilanGenoaSvns, ReportPolicy, TurinSvns } from "../report-policy.ts";

/** A policy that accepts every genuine report, for tests that then close what they are about. */
export function openPolicy(reason: string): ReportPolicy {
  const any = { kind: "any", reason } as const;
  return {
    version: any,
    guestSvn: any,
    policy: {
      abi: any,
      smt: any,
      migrateMa: any,
      debug: any,
      singleSocket: any,
      cxlAllow: any,
      memAes256Xts: any,
      raplDis: any,
      ciphertextHiding: any,
      pageSwapDisable: any,
    },
    familyId: any,
    imageId: any,
    vmpl: any,
    platformInfo: {
      smtEn: any,
      tsmeEn: any,
      eccEn: any,
      raplDis: any,
      ciphertextHidingDramEn: any,
      aliasCheckComplete: any,
      tioEn: any,
      reserved: any,
    },
    authorKeyEn: any,
    signingKey: any,
    reportData: any,
    measurement: any,
    hostData: any,
    idKeyDigest: any,
    authorKeyDigest: any,
    reportIdMa: any,
    chipId: any,
    current: any,
    committed: any,
    provisionalFirmware: any,
    launchMitVector: any,
    currentMitVector: any,
    products: { Milan: any, Genoa: any, Turin: any },
  };
}

/** Least SVNs of zero: any TCB version reaches them. */
export const NO_SVNS: MilanGenoaSvns & TurinSvns = { fmc: 0, bootLoader: 0, tee: 0, snp: 0, microcode: 0 };
