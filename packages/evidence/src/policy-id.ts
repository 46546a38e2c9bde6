import { hex, utf8 } from "@constellation/bytes";
import { digest } from "@constellation/crypto";
import { canonicalJson } from "@constellation/json";

/** Names a policy by its contents: SHA-256 over its canonical JSON (RFC 8785), so that equal policies have one name. */
export function policyIdOf(policy: object): string {
  return `sha256:${hex(digest("sha256", utf8(canonicalJson(policy))))}`;
}
