import { base64, fromBase64 } from "@constellation/bytes";
import type { JsonObject } from "@constellation/json";
import { Secret } from "@constellation/keys";
import { answerError, textOf } from "./call.ts";
import type { Operation } from "./retry.ts";

/** base64 without padding in the URL alphabet (RFC 4648 section 5). */
export function base64Url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Bytes of a member in base64. @throws KmsError `kms_answer` or `store_answer` */
export function base64Member(operation: Operation, object: JsonObject, key: string): Uint8Array {
  return decoded(operation, key, textOf(operation, object, key));
}

/** Bytes of a member in base64 of the URL alphabet. @throws KmsError as `base64Member` */
export function base64UrlMember(operation: Operation, object: JsonObject, key: string): Uint8Array {
  const text = textOf(operation, object, key);
  if (/[+/=]/.test(text)) throw answerError(operation, `"${key}" of another alphabet`, "base64url");
  const padded = text.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat((4 - (text.length % 4)) % 4);
  return decoded(operation, key, padded);
}

/** The same, as a secret; the bytes themselves are cleared. */
export function secretMember(operation: Operation, object: JsonObject, key: string, read = base64Member): Secret {
  const bytes = read(operation, object, key);
  const secret = new Secret(bytes);
  bytes.fill(0);
  return secret;
}

function decoded(operation: Operation, key: string, text: string): Uint8Array {
  try {
    const bytes = fromBase64(text);
    if (bytes.length > 0) return bytes;
  } catch {
    // No cause: it would tell where in a secret it failed.
  }
  throw answerError(operation, `"${key}" that is not base64 of at least a byte`, "base64");
}
