/** The PCRs that quotes cover and policies state, as JSON keys. */
export const PCR_INDICES = [
  "0",
  "1",
  "2",
  "3",
  "4",
  "5",
  "6",
  "7",
  "8",
  "9",
  "10",
  "11",
  "12",
  "13",
  "14",
  "15",
] as const;

/** One of `PCR_INDICES`. */
export type PcrIndex = (typeof PCR_INDICES)[number];

/** Text of a SHA-256 digest. */
export const DIGEST_HEX = /^[0-9a-f]{64}$/;
