import { SevSnpError } from "./error.ts";

/** SIGNING_KEY: the kind of key that signed a report. */
export type SigningKey = "VCEK" | "VLEK" | "none";

/** The bits at 48h of a report (AMD 56860 section 7.3, table 23). */
export interface KeyInfo {
  /** AUTHOR_KEY_EN: AUTHOR_KEY_DIGEST holds the digest of the author key. */
  readonly authorKeyEn: boolean;
  /** MASK_CHIP_KEY: the host keeps the VCEK from being used. */
  readonly maskChipKey: boolean;
  readonly signingKey: SigningKey;
}

const SIGNING_KEYS: ReadonlyMap<number, SigningKey> = new Map([
  [0, "VCEK"],
  [1, "VLEK"],
  [7, "none"],
]);

/** Reads the bits at 48h: bits 5 to 31 must be zero, SIGNING_KEY 2 to 6 is reserved. Throws `SevSnpError`. */
export function parseKeyInfo(raw: number): KeyInfo {
  const signingKey = SIGNING_KEYS.get(raw >>> 2);
  if (signingKey === undefined) {
    throw new SevSnpError(
      "report_reserved",
      `Parse report failed: got 0x${raw.toString(16)} at 0x48, wanted bits 5 to 31 clear and SIGNING_KEY 0, 1 or 7`,
    );
  }
  return { authorKeyEn: (raw & 1) !== 0, maskChipKey: (raw & 2) !== 0, signingKey };
}
