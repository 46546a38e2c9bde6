import { base64, BytesError, fromBase64 } from "@constellation/bytes";
import { malformed, textMembers } from "./json-member.ts";
import type { MetadataClient } from "./metadata-client.ts";

/** TDREPORT_STRUCT (Intel TDX module ABI, 3.9): what a quoting enclave on the same host makes a quote of. */
export const TDREPORT_BYTES = 1024;

const WHAT = "TD quote";
const MAX_BYTES = 64 * 1024;

/**
 * Has Azure's host make a quote of a TDREPORT. @throws EvidenceSourceError `metadata_malformed`, and as
 * `MetadataClient.ask`
 */
export async function getTdQuote(
  client: MetadataClient,
  tdReport: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const body = JSON.stringify({ report: base64url(tdReport) });
  const answer = await client.ask({ method: "POST", path: "/acc/tdquote", body, maxBytes: MAX_BYTES }, signal);
  return fromBase64url(textMembers(answer, ["quote"], WHAT).quote);
}

/** RFC 4648 section 5, without padding. */
function base64url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** With or without padding. */
function fromBase64url(text: string): Uint8Array {
  const digits = text
    .replace(/={1,2}$/, "")
    .replaceAll("-", "+")
    .replaceAll("_", "/");
  try {
    return fromBase64(digits.padEnd(Math.ceil(digits.length / 4) * 4, "="));
  } catch (cause) {
    throw malformed(WHAT, (cause as BytesError).message, "base64url text", cause);
  }
}
