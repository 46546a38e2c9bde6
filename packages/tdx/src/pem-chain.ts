import { BytesError, fromUtf8 } from "@constellation/bytes";
import { type Certificate, parseCertificate, pemToDer, X509Error } from "@constellation/x509";
import { attempt } from "./attempt.ts";
import { TdxError } from "./error.ts";

/** Certificates as they stand, one at least. */
export type PemChain = readonly [Certificate, ...Certificate[]];

/** Certificates that were parsed before, by their PEM blocks: the chains of one piece of evidence share most of theirs. */
export type KnownCertificates = Map<string, Certificate>;

const BLOCKS =
  /(?:\r?\n)*(?:-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----(?:(?:\r?\n)+|$))+$/y;
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const MAX_CHAIN_BYTES = 32 * 1024;

/**
 * Parses PEM certificates one after the other, with nothing but line ends around them, and one zero byte at
 * the end: the quoting library hands on the C string that it got (Intel TDX DCAP Quoting Library API, A.3.9, type 5).
 * Throws `TdxError` "certificate_chain".
 */
export function parsePemChain(bytes: Uint8Array, known: KnownCertificates = new Map()): PemChain {
  const text = bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes;
  if (text.length > MAX_CHAIN_BYTES) throw malformed(`"${text.length}" bytes, wanted "${MAX_CHAIN_BYTES}" or fewer`);
  const { value, error: cause } = attempt([X509Error, BytesError], () => readChain(fromUtf8(text), known));
  if (value !== undefined) return value;
  throw malformed(cause.message, { cause });
}

function readChain(text: string, known: KnownCertificates): PemChain {
  const [leaf, ...issuers] = readBlocks(text);
  return [readBlock(leaf, known), ...issuers.map((block) => readBlock(block, known))];
}

function readBlocks(text: string): [string, ...string[]] {
  BLOCKS.lastIndex = 0;
  if (!BLOCKS.test(text)) throw malformed(`"${text.length}" characters of other text, wanted PEM certificates only`);
  return Array.from(text.matchAll(BLOCK), ([block]) => block) as [string, ...string[]];
}

function readBlock(block: string, known: KnownCertificates): Certificate {
  const certificate = known.get(block) ?? parseCertificate(pemToDer(block));
  known.set(block, certificate);
  return certificate;
}

function malformed(problem: string, options?: ErrorOptions): TdxError {
  return new TdxError("certificate_chain", `Parse certificate chain failed: got ${problem}`, options);
}
