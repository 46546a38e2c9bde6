import { BytesError, base64, fromBase64 } from "@constellation/bytes";
import { X509Error } from "./error.ts";

const BEGIN = "-----BEGIN CERTIFICATE-----";
const END = "-----END CERTIFICATE-----";
const FIRST_LINE_END = /\r?\n/y;
const LINE_ENDS = /[\r\n]/g;
const LINE_LENGTH = 64;

/** DER bytes of a text that holds exactly one PEM certificate (RFC 7468). Throws `X509Error` "pem". */
export function pemToDer(pem: string): Uint8Array {
  const block = pem.trim();
  FIRST_LINE_END.lastIndex = BEGIN.length;
  if (!block.startsWith(BEGIN) || !block.endsWith(END) || !FIRST_LINE_END.test(block)) throw notOne(pem);
  return pemBodyToDer(block.slice(BEGIN.length, -END.length));
}

/** DER bytes of what stands between the two lines of a PEM block: base64 and line ends, at any place. Throws `X509Error` "pem". */
export function pemBodyToDer(body: string): Uint8Array {
  const digits = body.replaceAll(LINE_ENDS, "");
  if (digits === "") throw new X509Error("pem", "Read PEM failed: got an empty block, wanted a certificate");
  try {
    return fromBase64(digits);
  } catch (cause) {
    throw new X509Error("pem", `Read PEM failed: ${(cause as BytesError).message}`, { cause });
  }
}

function notOne(pem: string): X509Error {
  return new X509Error("pem", `Read PEM failed: got ${pem.length} characters, wanted one CERTIFICATE block`);
}

/** A PEM block with a certificate, lines of 64 characters, line feed at the end. */
export function derToPem(der: Uint8Array): string {
  const text = base64(der);
  const lines = ["-----BEGIN CERTIFICATE-----"];
  for (let i = 0; i < text.length; i += LINE_LENGTH) lines.push(text.slice(i, i + LINE_LENGTH));
  return `${[...lines, "-----END CERTIFICATE-----"].join("\n")}\n`;
}
