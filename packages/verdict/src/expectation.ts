/** What is accepted of one value. Policies are total: what is left open is left open by choice, with a reason. */
export type Expectation<T> =
  /** One of these. An empty list accepts nothing. */
  { readonly kind: "equal"; readonly anyOf: readonly T[] } | { readonly kind: "any"; readonly reason: string };
