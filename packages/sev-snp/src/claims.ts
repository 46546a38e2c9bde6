import { hex } from "@constellation/bytes";
import type { SigningKey } from "./key-info.ts";
import type { Product } from "./product.ts";
import type { FirmwareVersion, Report } from "./report.ts";
import { decodeTcbVersion, type TcbVersion } from "./tcb-version.ts";

/** A TCB_VERSION in bytes, hexadecimal, and in components. */
export interface TcbClaims extends TcbVersion {
  readonly raw: string;
}

/** What a report says, for people and as JSON: bytes in hexadecimal as they stand, 64-bit fields as `0x...`. */
export interface ReportClaims {
  readonly version: number;
  readonly product: Product;
  readonly guestSvn: number;
  readonly policy: Readonly<Record<string, boolean | number | string>>;
  readonly familyId: string;
  readonly imageId: string;
  readonly vmpl: number;
  readonly signatureAlgo: number;
  readonly platformInfo: Readonly<Record<string, boolean | string>>;
  readonly authorKeyEn: boolean;
  readonly maskChipKey: boolean;
  readonly signingKey: SigningKey;
  readonly reportData: string;
  readonly measurement: string;
  readonly hostData: string;
  readonly idKeyDigest: string;
  readonly authorKeyDigest: string;
  readonly reportId: string;
  readonly reportIdMa: string;
  readonly cpuid?: { readonly famId: number; readonly modId: number; readonly step: number };
  readonly chipId: string;
  readonly currentTcb: TcbClaims;
  readonly reportedTcb: TcbClaims;
  readonly committedTcb: TcbClaims;
  readonly launchTcb: TcbClaims;
  readonly current: FirmwareVersion;
  readonly committed: FirmwareVersion;
  readonly launchMitVector?: string;
  readonly currentMitVector?: string;
}

/** The claims of a report of a product line. To be believed only of a report that `verifyReport` found genuine. */
export function claimsOf(report: Report, product: Product): ReportClaims {
  const { policy, platformInfo, cpuid, launchMitVector, currentMitVector } = report;
  const tcb = (raw: Uint8Array) => ({ raw: hex(raw), ...decodeTcbVersion(raw, product) });
  return {
    version: report.version,
    product,
    guestSvn: report.guestSvn,
    policy: { ...policy, raw: quad(policy.raw) },
    vmpl: report.vmpl,
    signatureAlgo: report.signatureAlgo,
    platformInfo: { ...platformInfo, raw: quad(platformInfo.raw), reserved: quad(platformInfo.reserved) },
    authorKeyEn: report.authorKeyEn,
    maskChipKey: report.maskChipKey,
    signingKey: report.signingKey,
    ...byteClaims(report),
    ...(cpuid && { cpuid }),
    currentTcb: tcb(report.currentTcb),
    reportedTcb: tcb(report.reportedTcb),
    committedTcb: tcb(report.committedTcb),
    launchTcb: tcb(report.launchTcb),
    current: report.current,
    committed: report.committed,
    ...(launchMitVector !== undefined && { launchMitVector: quad(launchMitVector) }),
    ...(currentMitVector !== undefined && { currentMitVector: quad(currentMitVector) }),
  };
}

/** Names of the fields that are plain bytes. */
const BYTE_FIELDS = [
  "familyId",
  "imageId",
  "reportData",
  "measurement",
  "hostData",
  "idKeyDigest",
  "authorKeyDigest",
  "reportId",
  "reportIdMa",
  "chipId",
] as const;

type ByteClaims = Record<(typeof BYTE_FIELDS)[number], string>;

function byteClaims(report: Report): ByteClaims {
  return Object.fromEntries(BYTE_FIELDS.map((name) => [name, hex(report[name])])) as ByteClaims;
}

function quad(value: bigint): string {
  return `0x${value.toString(16)}`;
}
