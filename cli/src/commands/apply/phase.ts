/** Phases of `apply` in their order. */
export const PHASES = ["infrastructure", "init", "attestationconfig"] as const;

/** Name of a phase. */
export type Phase = (typeof PHASES)[number];
