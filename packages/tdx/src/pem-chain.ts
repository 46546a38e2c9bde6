import { BytesError, equalConstantTime, fromUtf8, utf8 } from "@constellation/bytes";
import { type Certificate, parseCertificate, pemBodyToDer, X509Error } from "@constellation/x509";
import { attempt } from "./attempt.ts";
import { TdxError } from "./error.ts";

/** Certificates as they stand, one at least. */
export type PemChain = readonly [Certificate, ...Certificate[]];

/** Certificates that were parsed before, with what stood in their PEM blocks: chains of one piece of evidence share most. */
export type KnownCertificates = { readonly body: Uint8Array; readonly certificate: Certificate }[];

const BEGIN = utf8("-----BEGIN CERTIFICATE-----");
const END = utf8("-----END CERTIFICATE-----");
const [DASH, CR, LF] = [0x2d, 0x0d, 0x0a];
const MAX_CHAIN_BYTES = 32 * 1024;
/** More than any chain has: each is compared with those that are known. */
const MAX_CERTIFICATES = 8;

/**
 * Parses PEM certificates one after the other, with nothing but line ends around them, and one zero byte at
 * the end: the quoting library hands on the C string that it got (Intel TDX DCAP Quoting Library API, A.3.9, type 5).
 * Throws `TdxError` "certificate_chain".
 */
export function parsePemChain(bytes: Uint8Array, known: KnownCertificates = []): PemChain {
  const text = bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes;
  if (text.length > MAX_CHAIN_BYTES) throw malformed(`"${text.length}" bytes, wanted "${MAX_CHAIN_BYTES}" or fewer`);
  const { value, error: cause } = attempt([X509Error, BytesError], () => readChain(text, known));
  if (value !== undefined) return value;
  throw malformed(cause.message, { cause });
}

function readChain(text: Uint8Array, known: KnownCertificates): PemChain {
  const chain: Certificate[] = [];
  let at = afterLineEnds(text, 0, false);
  do {
    if (chain.length === MAX_CERTIFICATES) throw malformed(`more certificates, wanted "${MAX_CERTIFICATES}" or fewer`);
    const start = afterLineEnds(text, after(text, at, BEGIN));
    const dash = text.indexOf(DASH, start);
    const end = dash < 0 ? text.length : dash;
    at = afterLineEnds(text, after(text, end, END));
    chain.push(readBody(text.subarray(start, end), known));
  } while (at < text.length);
  return chain as [Certificate, ...Certificate[]];
}

function readBody(body: Uint8Array, known: KnownCertificates): Certificate {
  const found = known.find((other) => equalConstantTime(other.body, body));
  if (found !== undefined) return found.certificate;
  const certificate = parseCertificate(pemBodyToDer(fromUtf8(body)));
  known.push({ body, certificate });
  return certificate;
}

/** Where a text that has to stand here ends. */
function after(text: Uint8Array, at: number, wanted: Uint8Array): number {
  if (!equalConstantTime(text.subarray(at, at + wanted.length), wanted)) throw otherText(at);
  return at + wanted.length;
}

/** Where the line ends that stand here end; there has to be one, but at the end of the text. */
function afterLineEnds(text: Uint8Array, start: number, needed = true): number {
  let at = start;
  while (text[at] === LF || (text[at] === CR && text[at + 1] === LF)) at += text[at] === LF ? 1 : 2;
  if (needed && at === start && at < text.length) throw otherText(at);
  return at;
}

function otherText(at: number): TdxError {
  return malformed(`other text at offset "${at}", wanted PEM certificates only`);
}

function malformed(problem: string, options?: ErrorOptions): TdxError {
  return new TdxError("certificate_chain", `Parse certificate chain failed: got ${problem}`, options);
}
