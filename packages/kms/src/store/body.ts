import { answerError, type HttpAnswer } from "../http/call.ts";
import type { Operation } from "../http/retry.ts";
import { MAX_WRAPPED_BYTES } from "./wrapped-key-store.ts";

/** The bytes of an object; refuses such as `putIfAbsent` never wrote. @throws KmsError `store_answer` */
export function requireWholeBody(operation: Operation, { body }: HttpAnswer): Uint8Array {
  if (body.length >= 1 && body.length <= MAX_WRAPPED_BYTES) return body;
  throw answerError(operation, `an object of "${body.length}" bytes`, `"1" to "${MAX_WRAPPED_BYTES}"`);
}
