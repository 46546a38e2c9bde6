import { SevSnpError } from "./error.ts";

/** POLICY: what the guest owner lets the host do (AMD 56860 section 4.3, table 9). */
export interface GuestPolicy {
  readonly raw: bigint;
  /** ABI_MAJOR and ABI_MINOR: the least ABI version of firmware that may run the guest. */
  readonly abiMajor: number;
  readonly abiMinor: number;
  /** SMT: the host may have simultaneous multithreading on. */
  readonly smt: boolean;
  /** MIGRATE_MA: the guest may be given a migration agent, which can move its secrets to another machine. */
  readonly migrateMa: boolean;
  /** DEBUG: the host may read and write guest memory through firmware. */
  readonly debug: boolean;
  /** SINGLE_SOCKET: the guest runs on one socket only. */
  readonly singleSocket: boolean;
  /** CXL_ALLOW: CXL devices or memory may be populated. */
  readonly cxlAllow: boolean;
  /** MEM_AES_256_XTS: memory encryption must be AES-256-XTS. */
  readonly memAes256Xts: boolean;
  /** RAPL_DIS: power measurement (RAPL) must be off. */
  readonly raplDis: boolean;
  /** CIPHERTEXT_HIDING_DRAM: ciphertext hiding must be on. */
  readonly ciphertextHiding: boolean;
  /** PAGE_SWAP_DISABLE: SNP_PAGE_MOVE, SNP_SWAP_OUT and SNP_SWAP_IN are off for the guest. */
  readonly pageSwapDisable: boolean;
}

const RESERVED_ONE = 1n << 17n;
const FIRST_RESERVED_BIT = 26n;

/** Reads POLICY: bit 17 must be one and bits 26 to 63 zero. Throws `SevSnpError` "report_reserved". */
export function parseGuestPolicy(raw: bigint): GuestPolicy {
  if ((raw & RESERVED_ONE) === 0n || raw >> FIRST_RESERVED_BIT !== 0n) {
    throw new SevSnpError(
      "report_reserved",
      `Parse report failed: got POLICY 0x${raw.toString(16)}, wanted bit 17 set and bits 26 to 63 clear`,
    );
  }
  const bit = (index: bigint) => ((raw >> index) & 1n) === 1n;
  return {
    raw,
    abiMajor: Number((raw >> 8n) & 0xffn),
    abiMinor: Number(raw & 0xffn),
    smt: bit(16n),
    migrateMa: bit(18n),
    debug: bit(19n),
    singleSocket: bit(20n),
    cxlAllow: bit(21n),
    memAes256Xts: bit(22n),
    raplDis: bit(23n),
    ciphertextHiding: bit(24n),
    pageSwapDisable: bit(25n),
  };
}
