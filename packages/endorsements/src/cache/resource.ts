import type { Answer } from "./entry.ts";

/** How long something that a vendor says holds. */
export type Validity =
  /** It says itself when the next one is due. */
  | { readonly kind: "until"; readonly nextUpdate: Date }
  /** It says nothing of the kind: whether there is another is asked once a day. */
  | { readonly kind: "day" }
  /** There is no other: the certificate of a key that does not change. */
  | { readonly kind: "forever" };

/** Something that a vendor publishes at an address. */
export interface Resource<T> {
  readonly url: string;
  /** For messages. */
  readonly name: string;
  /** Headers of the answer that belong to it, in lower case. */
  readonly headers: readonly string[];
  /** Takes an answer apart. Throws `EndorsementError` "malformed". */
  readonly read: (answer: Answer) => { readonly value: T; readonly validity: Validity };
}
