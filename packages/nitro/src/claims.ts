import { hex } from "@constellation/bytes";
import type { AttestationDocument, DocumentKind } from "./attestation-document.ts";
import { isDebug } from "./validate-document.ts";

/** What a document says, for people and as JSON: bytes in hexadecimal, registers by their index. */
export interface DocumentClaims {
  readonly kind: DocumentKind;
  readonly moduleId: string;
  /** In UTC, as ISO 8601. */
  readonly timestamp: string;
  readonly digest: string;
  readonly debug: boolean;
  readonly pcrs: Readonly<Record<string, string>>;
  readonly publicKey?: string;
  readonly userData?: string;
  readonly nonce?: string;
}

/** The claims of a document. To be believed only of one that `verifyDocument` found genuine. */
export function claimsOf(document: AttestationDocument): DocumentClaims {
  const { kind, moduleId, timestampMs, digest, pcrs, publicKey, userData, nonce } = document;
  return {
    kind,
    moduleId,
    timestamp: new Date(timestampMs).toISOString(),
    digest,
    debug: isDebug(document),
    pcrs: Object.fromEntries(Array.from(pcrs, ([index, value]) => [index, hex(value)])),
    ...(publicKey && { publicKey: hex(publicKey) }),
    ...(userData && { userData: hex(userData) }),
    ...(nonce && { nonce: hex(nonce) }),
  };
}
