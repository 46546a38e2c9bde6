import type { Expectation } from "@constellation/verdict";
import type { DocumentPolicy } from "./document-policy.ts";

type Any = Extract<Expectation<never>, { kind: "any" }>;

/** A policy that accepts every genuine document with no other registers than these, to be narrowed field by field. */
export function openDocumentPolicy(any: Any, indices: readonly number[]): DocumentPolicy {
  return {
    kind: any,
    moduleId: any,
    timestamp: any,
    pcrs: new Map(indices.map((index) => [index, any])),
    debug: any,
    publicKey: any,
    userData: any,
    nonce: any,
  };
}
