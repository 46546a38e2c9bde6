import { BytesError, base64, fromBase64 } from "@constellation/bytes";
import { X509Error } from "./error.ts";

const CERTIFICATE_BLOCK = /^-----BEGIN CERTIFICATE-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END CERTIFICATE-----$/;
const LINE_LENGTH = 64;

/** DER bytes of a text that holds exactly one PEM certificate (RFC 7468). Throws `X509Error` "pem". */
export function pemToDer(pem: string): Uint8Array {
  const match = CERTIFICATE_BLOCK.exec(pem.trim());
  if (match === null) {
    throw new X509Error("pem", `Read PEM failed: got ${pem.length} characters, wanted one CERTIFICATE block`);
  }
  try {
    return fromBase64((match[1] as string).replaceAll(/[\r\n]/g, ""));
  } catch (cause) {
    throw new X509Error("pem", `Read PEM failed: ${(cause as BytesError).message}`, { cause });
  }
}

/** A PEM block with a certificate, lines of 64 characters, line feed at the end. */
export function derToPem(der: Uint8Array): string {
  const text = base64(der);
  const lines = ["-----BEGIN CERTIFICATE-----"];
  for (let i = 0; i < text.length; i += LINE_LENGTH) lines.push(text.slice(i, i + LINE_LENGTH));
  return `${[...lines, "-----END CERTIFICATE-----"].join("\n")}\n`;
}
