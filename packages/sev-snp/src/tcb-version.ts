import type { Product } from "./product.ts";

/** A TCB_VERSION: security version numbers (SVNs) of the components under a guest (AMD 56860 section 2.2). */
export interface TcbVersion {
  /** FMC firmware; Turin only. */
  readonly fmc?: number;
  /** PSP boot loader. */
  readonly bootLoader: number;
  /** PSP operating system. */
  readonly tee: number;
  /** SNP firmware. */
  readonly snp: number;
  /** Lowest microcode patch level of all cores. */
  readonly microcode: number;
}

/** Names of the components of a TCB_VERSION. */
export type TcbComponent = keyof TcbVersion;

/** Bytes of a TCB_VERSION. */
export const TCB_VERSION_BYTES = 8;

/** Which byte holds a component: AMD 56860 section 2.2, for family 19h (Milan, Genoa) and for family 1Ah (Turin). */
const MILAN_GENOA = { bootLoader: 0, tee: 1, snp: 6, microcode: 7 } as const;
const TURIN = { fmc: 0, bootLoader: 1, tee: 2, snp: 3, microcode: 7 } as const;

/** Byte of each component of a product's TCB_VERSION. */
export function tcbLayout(product: Product): Readonly<Partial<Record<TcbComponent, number>>> {
  return product === "Turin" ? TURIN : MILAN_GENOA;
}

/**
 * The components of a TCB_VERSION of 8 bytes. Its other bytes are reserved without a demand on their value; those of
 * REPORTED_TCB are bound to the endorsement certificate, see `verifyReport`.
 */
export function decodeTcbVersion(raw: Uint8Array, product: Product): TcbVersion {
  const at = (index: number): number => raw[index] as number;
  const { bootLoader, tee, snp, microcode } = product === "Turin" ? TURIN : MILAN_GENOA;
  const common = { bootLoader: at(bootLoader), tee: at(tee), snp: at(snp), microcode: at(microcode) };
  return product === "Turin" ? { fmc: at(TURIN.fmc), ...common } : common;
}

/** A TCB_VERSION for people: `bootLoader 4, tee 0, snp 24, microcode 219`. */
export function tcbVersionText(tcb: TcbVersion): string {
  return Object.entries(tcb)
    .map(([name, svn]) => `${name} ${svn}`)
    .join(", ");
}
