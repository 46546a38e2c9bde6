/** A digest bank of a log. */
export type Bank = "sha1" | "sha256" | "sha384" | "sha512";

/** A digest algorithm of a log. */
export interface DigestAlgorithm {
  /** TPM_ALG_ID. */
  readonly id: number;
  readonly bank: Bank;
  readonly sizeBytes: number;
}

const ALGORITHMS: ReadonlyMap<number, DigestAlgorithm> = new Map(
  (
    [
      { id: 0x0004, bank: "sha1", sizeBytes: 20 },
      { id: 0x000b, bank: "sha256", sizeBytes: 32 },
      { id: 0x000c, bank: "sha384", sizeBytes: 48 },
      { id: 0x000d, bank: "sha512", sizeBytes: 64 },
    ] as const
  ).map((algorithm) => [algorithm.id, algorithm]),
);

/** The algorithm of a TPM_ALG_ID, or undefined where this package does not know it. */
export function algorithmOf(id: number): DigestAlgorithm | undefined {
  return ALGORITHMS.get(id);
}
