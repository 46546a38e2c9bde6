import type { Expectation } from "@constellation/verdict";
import type { DocumentKind } from "./attestation-document.ts";

/** What is accepted of a field that a document may leave out: values of which one must be there, or none at all. */
export type OptionalExpectation = Expectation<Uint8Array> | { readonly kind: "absent" };

/** When a document may have been made, first and last millisecond included. */
export type TimeExpectation =
  | { readonly kind: "between"; readonly earliest: Date; readonly latest: Date }
  | { readonly kind: "any"; readonly reason: string };

/** What is accepted of a genuine document. Total: every field is stated. */
export interface DocumentPolicy {
  readonly kind: Expectation<DocumentKind>;
  readonly moduleId: Expectation<string>;
  readonly timestamp: TimeExpectation;
  /** By register. Each that the document has must be stated here, and each that is wanted must be there. */
  readonly pcrs: ReadonlyMap<number, Expectation<Uint8Array>>;
  /** See `isDebug`. */
  readonly debug: Expectation<boolean>;
  readonly publicKey: OptionalExpectation;
  readonly userData: OptionalExpectation;
  readonly nonce: OptionalExpectation;
}
