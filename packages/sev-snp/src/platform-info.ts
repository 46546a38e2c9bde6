/** PLATFORM_INFO: how the machine is set up (AMD 56860 section 7.3). */
export interface PlatformInfo {
  readonly raw: bigint;
  /** SMT_EN: simultaneous multithreading is on. */
  readonly smtEn: boolean;
  /** TSME_EN: all memory is encrypted transparently. */
  readonly tsmeEn: boolean;
  /** ECC_EN: memory has error correction. */
  readonly eccEn: boolean;
  /** RAPL_DIS: power measurement (RAPL) is off. */
  readonly raplDis: boolean;
  /** CIPHERTEXT_HIDING_DRAM_EN: ciphertext hiding is on. */
  readonly ciphertextHidingDramEn: boolean;
  /** ALIAS_CHECK_COMPLETE: memory was found free of aliases since the last reset (AMD-SB-3015, "BadRAM"). */
  readonly aliasCheckComplete: boolean;
  /** TIO_EN: trusted I/O is on. */
  readonly tioEn: boolean;
  /**
   * Bits without a meaning yet. The specification does not demand that they are zero, and firmware gives them a
   * meaning without a new report version (ALIAS_CHECK_COMPLETE stands in version 3 reports). The policy judges them.
   */
  readonly reserved: bigint;
}

const DEFINED = 0b1011_1111n;

/** Reads PLATFORM_INFO. */
export function parsePlatformInfo(raw: bigint): PlatformInfo {
  const bit = (index: bigint) => ((raw >> index) & 1n) === 1n;
  return {
    raw,
    smtEn: bit(0n),
    tsmeEn: bit(1n),
    eccEn: bit(2n),
    raplDis: bit(3n),
    ciphertextHidingDramEn: bit(4n),
    aliasCheckComplete: bit(5n),
    tioEn: bit(7n),
    reserved: raw & ~DEFINED,
  };
}
