import type { DocumentPolicy } from "@constellation/nitro";
import type { ReportPolicy } from "@constellation/sev-snp";
import { type QuotePolicy, TD_ATTRIBUTES, type TdAttribute } from "@constellation/tdx";
import type { VmConfigurationPolicy } from "../azure.ts";
import type { QuotesPolicy } from "../vtpm.ts";

type Any = { readonly kind: "any"; readonly reason: string };

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

/** A policy that accepts every genuine quote, to be narrowed field by field. */
export function openQuotePolicy(any: Any): QuotePolicy {
  const attributes = Object.fromEntries(TD_ATTRIBUTES.map((name) => [name, any])) as Record<TdAttribute, Any>;
  return {
    MRSEAM: any,
    MRSIGNERSEAM: any,
    SEAMATTRIBUTES: any,
    TDATTRIBUTES: attributes,
    XFAM: any,
    MRTD: any,
    MRCONFIGID: any,
    MROWNER: any,
    MROWNERCONFIG: any,
    RTMR0: any,
    RTMR1: any,
    RTMR2: any,
    RTMR3: any,
    REPORTDATA: any,
    MRSERVICETD: any,
    tcb: any,
  };
}

const NITRO_REGISTERS = 32;
const TPM_REGISTERS = 24;

/** A policy that accepts every genuine document, to be narrowed field by field. */
export function openDocumentPolicy(any: Any): DocumentPolicy {
  return {
    kind: any,
    moduleId: any,
    timestamp: any,
    pcrs: registers(NITRO_REGISTERS, any),
    debug: any,
    publicKey: any,
    userData: any,
    nonce: any,
  };
}

/** A policy that accepts every genuine quote of a TPM, to be narrowed field by field. */
export function openQuotesPolicy(any: Any): QuotesPolicy {
  const all = registers(TPM_REGISTERS, any);
  return { qualifyingData: any, pcrs: { sha256: all, sha384: all, sha512: all }, eventLog: any };
}

/** A policy that takes the paravisor's word on the machine, whatever it is. */
export function openVmConfigurationPolicy(any: Any): VmConfigurationPolicy {
  return { secureBoot: any, tpmEnabled: any, consoleEnabled: any };
}

function registers(count: number, any: Any): ReadonlyMap<number, Any> {
  return new Map(Array.from({ length: count }, (_, index) => [index, any]));
}
