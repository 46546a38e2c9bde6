import { EvidenceSourceError, type EvidenceSourceErrorCode } from "../error.ts";

/** For `assert.rejects` and `assert.throws`: this package's error with the code, and the message where it matters. */
export function refusal(code: EvidenceSourceErrorCode, message = /./): (error: unknown) => boolean {
  return (error) => {
    if (error instanceof EvidenceSourceError && error.code === code && message.test(error.message)) return true;
    throw error;
  };
}
