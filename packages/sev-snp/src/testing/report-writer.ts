import { type KeyObject, sign } from "node:crypto";
import type { Cpuid, Product } from "../product.ts";
import { type FirmwareVersion, REPORT_BYTES } from "../report.ts";

/** Fields of an ATTESTATION_REPORT as they stand in it; integers where the specification has them. */
export interface ReportFields {
  readonly version: number;
  readonly guestSvn: number;
  readonly policy: bigint;
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  readonly vmpl: number;
  readonly signatureAlgo: number;
  readonly currentTcb: Uint8Array;
  readonly platformInfo: bigint;
  /** The bits at 48h: AUTHOR_KEY_EN, MASK_CHIP_KEY, SIGNING_KEY. */
  readonly keyInfo: number;
  readonly reportData: Uint8Array;
  readonly measurement: Uint8Array;
  readonly hostData: Uint8Array;
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly reportId: Uint8Array;
  readonly reportIdMa: Uint8Array;
  readonly reportedTcb: Uint8Array;
  readonly cpuid: Cpuid;
  readonly chipId: Uint8Array;
  readonly committedTcb: Uint8Array;
  readonly current: FirmwareVersion;
  readonly committed: FirmwareVersion;
  readonly launchTcb: Uint8Array;
  readonly launchMitVector: bigint;
  readonly currentMitVector: bigint;
}

/** TCB versions that the defaults have. */
const TCBS: Readonly<Record<Product, readonly number[]>> = {
  Milan: [4, 0, 0, 0, 0, 0, 24, 219],
  Genoa: [10, 0, 0, 0, 0, 0, 23, 84],
  Turin: [1, 2, 0, 5, 0, 0, 0, 32],
};
const CPUIDS: Readonly<Record<Product, Cpuid>> = {
  Milan: { famId: 0x19, modId: 0x01, step: 1 },
  Genoa: { famId: 0x19, modId: 0x11, step: 1 },
  Turin: { famId: 0x1a, modId: 0x11, step: 0 },
};
const FIRMWARE: FirmwareVersion = { major: 1, minor: 58, build: 7 };
/** The bytes that are signed. */
const SIGNED_BYTES = 0x2a0;
const SCALAR_BYTES = 48;
const COMPONENT_BYTES = 72;

/** Fields of a sound report of version 5; each field of bytes has its own value. */
export function reportFields(product: Product): ReportFields {
  const filled = (length: number, value: number) => new Uint8Array(length).fill(value);
  const tcb = Uint8Array.from(TCBS[product]);
  const chipId = filled(64, 0xc1);
  if (product === "Turin") chipId.fill(0, 8);
  return {
    version: 5,
    guestSvn: 3,
    policy: 0x30000n,
    familyId: filled(16, 0xf1),
    imageId: filled(16, 0xa1),
    vmpl: 0,
    signatureAlgo: 1,
    currentTcb: tcb,
    platformInfo: 0x25n,
    keyInfo: 0,
    reportData: filled(64, 0xda),
    measurement: filled(48, 0x3e),
    hostData: filled(32, 0x4d),
    idKeyDigest: filled(48, 0x1d),
    authorKeyDigest: filled(48, 0xa4),
    reportId: filled(32, 0x71),
    reportIdMa: filled(32, 0xff),
    reportedTcb: tcb,
    cpuid: CPUIDS[product],
    chipId,
    committedTcb: tcb,
    current: FIRMWARE,
    committed: FIRMWARE,
    launchTcb: tcb,
    launchMitVector: 0x3n,
    currentMitVector: 0x3n,
  };
}

/** The bytes of a report with these fields and no signature. Fields that its version lacks are left out. */
export function writeReport(fields: ReportFields): Uint8Array {
  const bytes = new Uint8Array(REPORT_BYTES);
  const view = new DataView(bytes.buffer);
  writeIntegers(view, fields);
  writeBytes(bytes, fields);
  if (fields.version >= 3) {
    bytes.set([fields.cpuid.famId, fields.cpuid.modId, fields.cpuid.step], 0x188);
  }
  if (fields.version >= 5) {
    view.setBigUint64(0x1f8, fields.launchMitVector, true);
    view.setBigUint64(0x200, fields.currentMitVector, true);
  }
  return bytes;
}

/** A copy of a report that is signed as firmware signs: r and s little-endian in 72 bytes each. */
export function signReport(report: Uint8Array, privateKey: KeyObject): Uint8Array {
  const signed = new Uint8Array(report);
  const key = { key: privateKey, dsaEncoding: "ieee-p1363" } as const;
  const signature = new Uint8Array(sign("sha384", signed.subarray(0, SIGNED_BYTES), key));
  signed.set(signature.slice(0, SCALAR_BYTES).reverse(), SIGNED_BYTES);
  signed.set(signature.slice(SCALAR_BYTES).reverse(), SIGNED_BYTES + COMPONENT_BYTES);
  return signed;
}

function writeIntegers(view: DataView, fields: ReportFields): void {
  view.setUint32(0x000, fields.version, true);
  view.setUint32(0x004, fields.guestSvn, true);
  view.setBigUint64(0x008, fields.policy, true);
  view.setUint32(0x030, fields.vmpl, true);
  view.setUint32(0x034, fields.signatureAlgo, true);
  view.setBigUint64(0x040, fields.platformInfo, true);
  view.setUint32(0x048, fields.keyInfo, true);
}

function writeBytes(bytes: Uint8Array, fields: ReportFields): void {
  const { current, committed } = fields;
  bytes.set(fields.familyId, 0x010);
  bytes.set(fields.imageId, 0x020);
  bytes.set(fields.currentTcb, 0x038);
  bytes.set(fields.reportData, 0x050);
  bytes.set(fields.measurement, 0x090);
  bytes.set(fields.hostData, 0x0c0);
  bytes.set(fields.idKeyDigest, 0x0e0);
  bytes.set(fields.authorKeyDigest, 0x110);
  bytes.set(fields.reportId, 0x140);
  bytes.set(fields.reportIdMa, 0x160);
  bytes.set(fields.reportedTcb, 0x180);
  bytes.set(fields.chipId, 0x1a0);
  bytes.set(fields.committedTcb, 0x1e0);
  bytes.set([current.build, current.minor, current.major], 0x1e8);
  bytes.set([committed.build, committed.minor, committed.major], 0x1ec);
  bytes.set(fields.launchTcb, 0x1f0);
}
