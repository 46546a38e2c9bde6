import { BytesError, base64, fromBase64, utf8 } from "@constellation/bytes";
import { X509Error } from "./error.ts";

const BEGIN = "-----BEGIN CERTIFICATE-----";
const END = "-----END CERTIFICATE-----";
const FIRST_LINE_END = /\r?\n/y;
const LINE_LENGTH = 64;
const [CR, LF] = [0x0d, 0x0a];

/** DER bytes of a text that holds exactly one PEM certificate (RFC 7468). Throws `X509Error` "pem". */
export function pemToDer(pem: string): Uint8Array {
  const block = pem.trim();
  FIRST_LINE_END.lastIndex = BEGIN.length;
  if (!block.startsWith(BEGIN) || !block.endsWith(END) || !FIRST_LINE_END.test(block)) throw notOne(pem);
  return pemBodyToDer(utf8(block.slice(BEGIN.length, -END.length)));
}

/** DER bytes of what stands between the two lines of a PEM block: base64 and line ends, at any place. Throws `X509Error` "pem". */
export function pemBodyToDer(body: Uint8Array): Uint8Array {
  const digits = withoutLineEnds(body);
  if (digits.length === 0) throw new X509Error("pem", "Read PEM failed: got an empty block, wanted a certificate");
  try {
    return fromBase64(digits);
  } catch (cause) {
    throw new X509Error("pem", `Read PEM failed: ${(cause as BytesError).message}`, { cause });
  }
}

function withoutLineEnds(body: Uint8Array): Uint8Array {
  const digits = new Uint8Array(body.length);
  let length = 0;
  for (let i = 0; i < body.length; i++) {
    const character = body[i] as number;
    if (character !== LF && character !== CR) digits[length++] = character;
  }
  return digits.subarray(0, length);
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
