import { KmsError, quoted } from "../error.ts";
import { type HttpAnswer, statusError, wordsOf } from "../http/call.ts";
import type { Operation } from "../http/retry.ts";

/** The error of an answer. Vault has no codes beside the HTTP status, only sentences; few of these are known. */
export function vaultError(operation: Operation, answer: HttpAnswer): KmsError {
  const words = wordsOf(answer, (json) => {
    const { errors } = json;
    return Array.isArray(errors) ? errors.filter((line) => typeof line === "string").join("; ") : "";
  });
  const failed = `${operation.name} failed: got status "${answer.status}" ${quoted(words)}, wanted success`;
  if (/encryption key not found|no existing key/.test(words)) return new KmsError("kms_key_missing", failed);
  if (answer.status === 400 && /invalid (?:role|secret)(?: or secret)? id/i.test(words)) {
    return new KmsError("kms_denied", failed);
  }
  if (answer.status === 400 && /ciphertext|message authentication failed|unable to decrypt|decrypt/.test(words)) {
    return new KmsError("wrapped_key_corrupt", failed);
  }
  return statusError(operation, answer, words);
}
