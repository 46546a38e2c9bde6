import { type AttestationDocument, type DocumentPolicy, isDebug } from "@constellation/nitro";
import { equal, OWN_TO_EACH, OWN_TO_MACHINE } from "./expect.ts";

/** A policy that accepts what a good document shows: its registers as they are, at any time, on any machine. */
export function documentPolicyFrom(document: AttestationDocument): DocumentPolicy {
  return {
    kind: equal(document.kind),
    moduleId: OWN_TO_MACHINE,
    timestamp: OWN_TO_EACH,
    pcrs: new Map(Array.from(document.pcrs, ([index, value]) => [index, equal(value)])),
    debug: equal(isDebug(document)),
    publicKey: OWN_TO_EACH,
    userData: OWN_TO_EACH,
    nonce: OWN_TO_EACH,
  };
}
