import type { Judgement } from "@constellation/evidence";
import type { Field } from "@constellation/fields";

/** What evidence must be bound to, so that it speaks for one channel and was made for it. */
export interface Binding {
  /** 64 bytes: what hardware puts into its report. */
  readonly reportData: Uint8Array;
  /** SHA-256 of the report data: what fits into a quote of a TPM. */
  readonly qualifyingData: Uint8Array;
}

/** One source of evidence of a variant: how its evidence and policy look, and how it is judged. */
export interface Part<Evidence, Policy> {
  readonly evidence: Field<Evidence>;
  readonly policy: Field<Policy>;
  /** Bad evidence is refused, and does not throw. */
  readonly judge: (evidence: Evidence, policy: Policy, binding: Binding, now: Date) => Judgement;
}

/** Checks of evidence that is bound by choice to nothing: there is no such choice in a cluster. */
export function bound<T>(value: T): { readonly kind: "equal"; readonly anyOf: readonly [T] } {
  return { kind: "equal", anyOf: [value] };
}
