import { KeyServiceError } from "./errors.ts";

/** What `/readyz` says beside its status: codes, to who is on this node. The log has the words. */
export function readyReason(error: unknown): string {
  if (!(error instanceof KeyServiceError)) return "internal";
  const code = (error.cause as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? `${error.code}: ${code}` : error.code;
}
