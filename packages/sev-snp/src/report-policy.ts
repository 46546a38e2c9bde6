import type { Expectation, Minimum } from "@constellation/verdict";
import type { SigningKey } from "./key-info.ts";
import type { FirmwareVersion } from "./report.ts";

/** What is accepted of REPORT_DATA: 64 bytes, or what its first bytes are. An empty prefix accepts nothing. */
export type ReportDataExpectation =
  | Expectation<Uint8Array>
  | { readonly kind: "prefix"; readonly anyOf: readonly Uint8Array[] };

/** A version of the firmware ABI. */
export interface AbiVersion {
  readonly major: number;
  readonly minor: number;
}

/** What is accepted of POLICY (AMD 56860 section 4.3). */
export interface GuestPolicyPolicy {
  /** ABI_MAJOR and ABI_MINOR: firmware older than this must not be able to run the guest. */
  readonly abi: Minimum<AbiVersion>;
  readonly smt: Expectation<boolean>;
  readonly migrateMa: Expectation<boolean>;
  readonly debug: Expectation<boolean>;
  readonly singleSocket: Expectation<boolean>;
  readonly cxlAllow: Expectation<boolean>;
  readonly memAes256Xts: Expectation<boolean>;
  readonly raplDis: Expectation<boolean>;
  readonly ciphertextHiding: Expectation<boolean>;
  readonly pageSwapDisable: Expectation<boolean>;
}

/** What is accepted of PLATFORM_INFO (AMD 56860 section 7.3). */
export interface PlatformInfoPolicy {
  readonly smtEn: Expectation<boolean>;
  readonly tsmeEn: Expectation<boolean>;
  readonly eccEn: Expectation<boolean>;
  readonly raplDis: Expectation<boolean>;
  readonly ciphertextHidingDramEn: Expectation<boolean>;
  readonly aliasCheckComplete: Expectation<boolean>;
  readonly tioEn: Expectation<boolean>;
  /** Bits without a meaning yet, as `PlatformInfo.reserved` has them; `[0n]` refuses any. */
  readonly reserved: Expectation<bigint>;
}

/** Least SVNs on Milan and Genoa. */
export interface MilanGenoaSvns {
  readonly bootLoader: number;
  readonly tee: number;
  readonly snp: number;
  readonly microcode: number;
}

/** Least SVNs on Turin. */
export interface TurinSvns extends MilanGenoaSvns {
  readonly fmc: number;
}

/** What is accepted of one product line: its least TCB versions, anything by choice, or nothing. */
export type ProductPolicy<Svns> =
  | {
      readonly kind: "minimum";
      /** REPORTED_TCB: what the signing key belongs to. */
      readonly reported: Svns;
      /** COMMITTED_TCB: what the host can roll back to. */
      readonly committed: Svns;
      /** LAUNCH_TCB: what the guest was launched under. */
      readonly launch: Svns;
    }
  | { readonly kind: "any"; readonly reason: string }
  | { readonly kind: "refuse" };

/** What is accepted by product line. */
export interface ProductPolicies {
  readonly Milan: ProductPolicy<MilanGenoaSvns>;
  readonly Genoa: ProductPolicy<MilanGenoaSvns>;
  readonly Turin: ProductPolicy<TurinSvns>;
}

/** What is accepted of a genuine report. Total: every field is stated; names are those of `Report`. */
export interface ReportPolicy {
  readonly version: Minimum<number>;
  readonly guestSvn: Minimum<number>;
  readonly policy: GuestPolicyPolicy;
  readonly familyId: Expectation<Uint8Array>;
  readonly imageId: Expectation<Uint8Array>;
  readonly vmpl: Expectation<number>;
  readonly platformInfo: PlatformInfoPolicy;
  readonly authorKeyEn: Expectation<boolean>;
  readonly signingKey: Expectation<SigningKey>;
  readonly reportData: ReportDataExpectation;
  readonly measurement: Expectation<Uint8Array>;
  readonly hostData: Expectation<Uint8Array>;
  readonly idKeyDigest: Expectation<Uint8Array>;
  readonly authorKeyDigest: Expectation<Uint8Array>;
  /** The migration agent; 32 times ff for none. */
  readonly reportIdMa: Expectation<Uint8Array>;
  /** 64 bytes, on Turin the HWID and zeros; all zeros for a chip that the host masks. */
  readonly chipId: Expectation<Uint8Array>;
  /** The SNP firmware that runs. */
  readonly current: Minimum<FirmwareVersion>;
  /** The SNP firmware that the host can roll back to. */
  readonly committed: Minimum<FirmwareVersion>;
  /** Whether firmware or TCB that runs is newer than the committed one, and so can be rolled back. */
  readonly provisionalFirmware: Expectation<boolean>;
  /** Bits that must be set; a report before version 5 has none. */
  readonly launchMitVector: Minimum<bigint | undefined>;
  /** Bits that must be set; a report before version 5 has none. */
  readonly currentMitVector: Minimum<bigint | undefined>;
  readonly products: ProductPolicies;
}
