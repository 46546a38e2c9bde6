import { isObject } from "@constellation/json";
import { KmsError, type KmsErrorCode } from "../error.ts";
import { type HttpAnswer, jsonOf, statusError } from "../http/call.ts";
import type { Operation } from "../http/retry.ts";

/** The error of an answer, by the codes of google.rpc.Code where it has one. */
export function googleError(
  operation: Operation,
  answer: HttpAnswer,
  codes: Readonly<Record<string, KmsErrorCode>>,
): KmsError {
  const status = googleStatus(operation, answer);
  const code = Object.hasOwn(codes, status) ? codes[status] : undefined;
  if (code === undefined) return statusError(operation, answer, status);
  return new KmsError(code, `${operation.name} failed: got "${status}", wanted success`);
}

/** Its name in google.rpc.Code; empty where there is none. */
function googleStatus(operation: Operation, answer: HttpAnswer): string {
  try {
    const { error } = jsonOf(operation, answer);
    const status = isObject(error) ? error["status"] : undefined;
    return typeof status === "string" && /^[A-Z_]{1,40}$/.test(status) ? status : "";
  } catch {
    return "";
  }
}
