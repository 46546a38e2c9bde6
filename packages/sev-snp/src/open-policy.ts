import type { Expectation } from "@constellation/verdict";
import type { ReportPolicy } from "./report-policy.ts";

type Any = Extract<Expectation<never>, { kind: "any" }>;

/** A policy that accepts every genuine report, to be narrowed field by field. */
export function openReportPolicy(any: Any): ReportPolicy {
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
