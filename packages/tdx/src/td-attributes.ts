import { Cursor } from "@constellation/bytes";

/**
 * The bits of TDATTRIBUTES by name (Intel TDX Module Base Architecture Specification, ATTRIBUTES). Bits 7:0 are the group
 * TUD: a TD with any of them set is not to be trusted. Bits 31:8 (SEC) bear on security, bits 63:32 (OTHER) do not.
 */
export const TD_ATTRIBUTE = {
  DEBUG: 0,
  HGS_PLUS_PROF: 4,
  PERF_PROF: 5,
  PMT_PROF: 6,
  ICSSD: 16,
  LASS: 27,
  SEPT_VE_DISABLE: 28,
  MIGRATABLE: 29,
  PKS: 30,
  KL: 31,
  TPA: 62,
  PERFMON: 63,
} as const;

/** The name of a TD attribute. */
export type TdAttribute = keyof typeof TD_ATTRIBUTE;

/** All TD attributes in the order of their bits. */
export const TD_ATTRIBUTES = Object.keys(TD_ATTRIBUTE) as readonly TdAttribute[];

/** TDATTRIBUTES, read. */
export interface TdAttributes {
  readonly flags: Readonly<Record<TdAttribute, boolean>>;
  /** The bits that have no name, in their places. The specification wants zero. */
  readonly reserved: bigint;
}

const DEFINED = Object.values(TD_ATTRIBUTE).reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n);

/** Reads the 8 bytes of TDATTRIBUTES. Throws `BytesError` for another size. */
export function readTdAttributes(bytes: Uint8Array): TdAttributes {
  const value = readU64(bytes);
  const flags = TD_ATTRIBUTES.map((name) => [name, ((value >> BigInt(TD_ATTRIBUTE[name])) & 1n) === 1n]);
  return { flags: Object.fromEntries(flags) as Record<TdAttribute, boolean>, reserved: value & ~DEFINED };
}

/** The value of 8 bytes, little-endian. Throws `BytesError` for another size. */
export function readU64(bytes: Uint8Array): bigint {
  const cursor = new Cursor(bytes);
  const value = cursor.u64le();
  cursor.end();
  return value;
}
