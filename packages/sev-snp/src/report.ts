import { SevSnpError } from "./error.ts";
import { type GuestPolicy, parseGuestPolicy } from "./guest-policy.ts";
import { type KeyInfo, parseKeyInfo } from "./key-info.ts";
import { type PlatformInfo, parsePlatformInfo } from "./platform-info.ts";
import type { Cpuid } from "./product.ts";
import { type RawSignature, SIGNATURE_COMPONENT_BYTES } from "./report-signature.ts";

/** Versions of the report structure that are read: 2 and 3 of older firmware, 5 of AMD 56860 revision 1.58. */
export type ReportVersion = 2 | 3 | 5;

/** A version of the SNP firmware. */
export interface FirmwareVersion {
  readonly major: number;
  readonly minor: number;
  readonly build: number;
}

/**
 * An ATTESTATION_REPORT (AMD 56860 section 7.3, table 23). Nothing in it is verified; see `verifyReport`.
 * TCB versions are raw, as their layout depends on the product; see `decodeTcbVersion`.
 */
export interface Report extends KeyInfo {
  readonly version: ReportVersion;
  readonly guestSvn: number;
  readonly policy: GuestPolicy;
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  /** The privilege level that asked for the report; 0xffffffff for a report that the host asked for. */
  readonly vmpl: number;
  readonly signatureAlgo: number;
  readonly currentTcb: Uint8Array;
  readonly platformInfo: PlatformInfo;
  readonly reportData: Uint8Array;
  readonly measurement: Uint8Array;
  readonly hostData: Uint8Array;
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly reportId: Uint8Array;
  /** REPORT_ID_MA: that of the migration agent; all bits set where the guest has none. */
  readonly reportIdMa: Uint8Array;
  readonly reportedTcb: Uint8Array;
  /** From version 3. */
  readonly cpuid?: Cpuid;
  /** Zero where the host masks it (MASK_CHIP_ID). */
  readonly chipId: Uint8Array;
  readonly committedTcb: Uint8Array;
  readonly current: FirmwareVersion;
  readonly committed: FirmwareVersion;
  readonly launchTcb: Uint8Array;
  /** From version 5: mitigations that were active at launch. */
  readonly launchMitVector?: bigint;
  /** From version 5: mitigations that are active now. */
  readonly currentMitVector?: bigint;
  readonly signature: RawSignature;
  /** The signed bytes, 0h to 29Fh. */
  readonly signed: Uint8Array;
}

/** Bytes of an ATTESTATION_REPORT. */
export const REPORT_BYTES = 0x4a0;

/** Reserved fields: start, end, and in which versions. Section 7.3, table 23; the last is of SIGNATURE (chapter 10). */
const RESERVED: readonly (readonly [number, number, readonly ReportVersion[]])[] = [
  [0x04c, 0x050, [2, 3, 5]],
  [0x188, 0x18b, [2]],
  [0x18b, 0x1a0, [2, 3, 5]],
  [0x1eb, 0x1ec, [2, 3, 5]],
  [0x1ef, 0x1f0, [2, 3, 5]],
  [0x1f8, 0x208, [2, 3]],
  [0x208, 0x2a0, [2, 3, 5]],
  [0x330, 0x4a0, [2, 3, 5]],
];

/**
 * Parses a report of exactly 1184 bytes. Every reserved field must be zero: a version fixes the layout, and all
 * firmware seen keeps to it. The result does not share memory with the input. Throws `SevSnpError`.
 */
export function parseReport(input: Uint8Array): Report {
  if (input.length !== REPORT_BYTES) {
    throw new SevSnpError(
      "report_length",
      `Parse report failed: got "${input.length}" bytes, wanted "${REPORT_BYTES}"`,
    );
  }
  const bytes = new Uint8Array(input);
  const view = new DataView(bytes.buffer);
  const version = readVersion(view);
  requireReserved(bytes, version);
  return { ...readFixed(bytes, view), ...readVersioned(bytes, view, version), version };
}

function readVersion(view: DataView): ReportVersion {
  const version = view.getUint32(0x000, true);
  if (version !== 2 && version !== 3 && version !== 5) {
    throw new SevSnpError("report_version", `Parse report failed: got version "${version}", wanted 2, 3 or 5`);
  }
  return version;
}

function requireReserved(bytes: Uint8Array, version: ReportVersion): void {
  for (const [start, end, versions] of RESERVED) {
    if (!versions.includes(version)) continue;
    const index = bytes.subarray(start, end).findIndex((byte) => byte !== 0);
    if (index !== -1) {
      const offset = start + index;
      throw new SevSnpError(
        "report_reserved",
        `Parse report failed: got 0x${(bytes[offset] as number).toString(16)} in a reserved field at 0x${offset.toString(16)}, wanted zero`,
      );
    }
  }
}

/** Fields that all versions have. */
function readFixed(bytes: Uint8Array, view: DataView): Omit<Report, "version"> {
  const field = (start: number, end: number) => bytes.subarray(start, end);
  return {
    guestSvn: view.getUint32(0x004, true),
    policy: parseGuestPolicy(view.getBigUint64(0x008, true)),
    familyId: field(0x010, 0x020),
    imageId: field(0x020, 0x030),
    vmpl: view.getUint32(0x030, true),
    signatureAlgo: view.getUint32(0x034, true),
    currentTcb: field(0x038, 0x040),
    platformInfo: parsePlatformInfo(view.getBigUint64(0x040, true)),
    ...parseKeyInfo(view.getUint32(0x048, true)),
    reportData: field(0x050, 0x090),
    measurement: field(0x090, 0x0c0),
    hostData: field(0x0c0, 0x0e0),
    idKeyDigest: field(0x0e0, 0x110),
    authorKeyDigest: field(0x110, 0x140),
    reportId: field(0x140, 0x160),
    reportIdMa: field(0x160, 0x180),
    reportedTcb: field(0x180, 0x188),
    chipId: field(0x1a0, 0x1e0),
    committedTcb: field(0x1e0, 0x1e8),
    current: readFirmwareVersion(view, 0x1e8),
    committed: readFirmwareVersion(view, 0x1ec),
    launchTcb: field(0x1f0, 0x1f8),
    signature: {
      r: field(0x2a0, 0x2a0 + SIGNATURE_COMPONENT_BYTES),
      s: field(0x2a0 + SIGNATURE_COMPONENT_BYTES, 0x2a0 + 2 * SIGNATURE_COMPONENT_BYTES),
    },
    signed: field(0x000, 0x2a0),
  };
}

/** Build, minor, major: in this order from the lowest address. */
function readFirmwareVersion(view: DataView, offset: number): FirmwareVersion {
  return { major: view.getUint8(offset + 2), minor: view.getUint8(offset + 1), build: view.getUint8(offset) };
}

/** Fields that came with version 3 and version 5. */
function readVersioned(
  bytes: Uint8Array,
  view: DataView,
  version: ReportVersion,
): Pick<Report, "cpuid" | "launchMitVector" | "currentMitVector"> {
  const [famId = 0, modId = 0, step = 0] = bytes.subarray(0x188, 0x18b);
  return {
    ...(version >= 3 && { cpuid: { famId, modId, step } }),
    ...(version >= 5 && {
      launchMitVector: view.getBigUint64(0x1f8, true),
      currentMitVector: view.getBigUint64(0x200, true),
    }),
  };
}
