/** The trustworthiness claims of AR4SI (draft-ietf-rats-ar4si-09, section 2.3.4), in the order in which they are told. */
export const TRUST_CLAIMS = [
  "instance-identity",
  "configuration",
  "executables",
  "file-system",
  "hardware",
  "runtime-opaque",
  "storage-opaque",
  "sourced-data",
] as const;

/** One of `TRUST_CLAIMS`. */
export type TrustClaim = (typeof TRUST_CLAIMS)[number];

/** Ranges of values, best first but for "none", which says nothing (the same, section 2.3.2). */
export type TrustTier = "affirming" | "none" | "warning" | "contraindicated";

/** What a verifier that ran to its end can say in any claim. */
const ANYWHERE = { 0: "not shown", 99: "the evidence is not authentic" } as const;

/**
 * The standard's values of each claim, those that this verifier gives, in words. It gives no others, and for
 * `file-system`, `storage-opaque` and `sourced-data` no more than "none": no evidence here speaks of them.
 */
export const TRUST_VALUES = {
  "instance-identity": { ...ANYWHERE, 2: "a machine that is known", 97: "not the machine that is wanted" },
  configuration: {
    ...ANYWHERE,
    2: "the settings that are wanted",
    36: "settings that the policy leaves open",
    96: "settings that are refused",
  },
  executables: {
    ...ANYWHERE,
    3: "what was loaded while it started is known",
    33: "not all that was loaded is known",
  },
  "file-system": ANYWHERE,
  hardware: {
    ...ANYWHERE,
    2: "genuine, with firmware that is recent enough",
    32: "genuine, with vulnerabilities that its maker names",
    96: "recognized, and refused",
  },
  "runtime-opaque": {
    ...ANYWHERE,
    2: "memory is encrypted, and closed to whoever runs the host",
    32: "not closed to whoever runs the host, or the TPM that speaks for the machine is theirs",
    96: "memory is open where it must not be",
  },
  "storage-opaque": ANYWHERE,
  "sourced-data": ANYWHERE,
} as const satisfies Readonly<Record<TrustClaim, Readonly<Record<number, string>>>>;

/** A value that this verifier gives in a claim. */
export type TrustValue<C extends TrustClaim = TrustClaim> = C extends TrustClaim
  ? keyof (typeof TRUST_VALUES)[C]
  : never;

/** The tier of a value (AR4SI, section 2.3.2); the negative ones are not in use here. */
export function tierOf(value: TrustValue): TrustTier {
  if (value >= 96) return "contraindicated";
  if (value >= 32) return "warning";
  return value >= 2 ? "affirming" : "none";
}

/** A value in words. */
export function wordsOf(claim: TrustClaim, value: TrustValue): string {
  const words: Readonly<Record<number, string>> = TRUST_VALUES[claim];
  return words[value] as string;
}
