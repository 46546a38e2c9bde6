import type { BoundQuotesPolicy, BoundVtpmPolicy } from "@constellation/evidence";
import { parseCertificate } from "@constellation/x509";
import { equal } from "../expect.ts";
import type { FakeTpmCa } from "./fake-tpm-ca.ts";

/** A total policy that pins every PCR of the SHA-256 bank, and has the event log explain them all. */
export function pinnedQuotesPolicy(pcrs: ReadonlyMap<number, Uint8Array>): BoundQuotesPolicy {
  return {
    pcrs: {
      sha256: new Map(Array.from(pcrs, ([index, value]) => [index, equal(value)])),
      sha384: new Map(),
      sha512: new Map(),
    },
    eventLog: { kind: "required", explained: [...pcrs.keys()] },
  };
}

/** As `pinnedQuotesPolicy`, of TPMs that one fake authority certified. */
export function pinnedVtpmPolicy(ca: FakeTpmCa, pcrs: ReadonlyMap<number, Uint8Array>): BoundVtpmPolicy {
  return { ...pinnedQuotesPolicy(pcrs), akCertificate: { kind: "required", roots: [parseCertificate(ca.root)] } };
}
