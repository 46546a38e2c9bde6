import {
  bytes,
  choice,
  expectation,
  type Field,
  FLAG,
  list,
  object,
  oneOf,
  REASON,
  text,
  TIME,
} from "@constellation/fields";
import type { DocumentKind, DocumentPolicy, OptionalExpectation, TimeExpectation } from "@constellation/nitro";
import { indexed } from "./indexed.ts";

const KIND: Field<DocumentKind> = oneOf(["enclave", "nitrotpm"]);
const MODULE_ID = text(/^[\x21-\x7e]{1,128}$/, "1 to 128 printable ASCII characters");

const TIMESTAMP: Field<TimeExpectation> = choice<TimeExpectation>({
  between: { earliest: TIME, latest: TIME },
  any: { reason: REASON },
});

function optional(max: number): Field<OptionalExpectation> {
  return choice<OptionalExpectation>({ equal: { anyOf: list(bytes(0, max)) }, any: { reason: REASON }, absent: {} });
}

/** A policy for a document whose nonce is bound to a channel. */
export type BoundDocumentPolicy = Omit<DocumentPolicy, "nonce">;

const BOUND_FIELDS = {
  kind: expectation(KIND),
  moduleId: expectation(MODULE_ID),
  timestamp: TIMESTAMP,
  pcrs: indexed(31, expectation(bytes(48))),
  debug: expectation(FLAG),
  publicKey: optional(1024),
  userData: optional(1024),
};

/** {@link BoundDocumentPolicy} as a document. */
export const BOUND_DOCUMENT_POLICY: Field<BoundDocumentPolicy> = object<BoundDocumentPolicy>(BOUND_FIELDS);

/** {@link DocumentPolicy} as a document. */
export const NITRO_DOCUMENT_POLICY: Field<DocumentPolicy> = object<DocumentPolicy>({
  ...BOUND_FIELDS,
  nonce: optional(1024),
});
