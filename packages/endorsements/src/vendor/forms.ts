import { BytesError, fromHex, fromUtf8 } from "@constellation/bytes";
import { TdxError } from "@constellation/tdx";
import { type Certificate, type Crl, parseCertificate, parseCrl, pemToDer, X509Error } from "@constellation/x509";
import { EndorsementError } from "../error.ts";

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const MAX_PEM_BYTES = 64 * 1024;
/** A DER SEQUENCE of more than 127 bytes, as it starts in hexadecimal. */
const HEX_START = 0x33;

/** Runs a parser over something that a vendor said. Throws `EndorsementError` "malformed" where the parser refuses. */
export function reading<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof X509Error || cause instanceof TdxError || cause instanceof BytesError)) throw cause;
    throw malformed(name, cause.message, "its form", { cause });
  }
}

/** Reads a certificate, DER. */
export function readCertificate(name: string, der: Uint8Array): Certificate {
  return reading(name, () => parseCertificate(der));
}

/** Reads a CRL, DER. */
export function readCrl(name: string, der: Uint8Array): Crl {
  return reading(name, () => parseCrl(der));
}

/** The DER bytes of the certificates in a PEM text of nothing else but white space; there is one at least. */
export function readPemChain(name: string, pem: Uint8Array): Uint8Array[] {
  if (pem.length > MAX_PEM_BYTES) throw malformed(name, `${pem.length} bytes`, `${MAX_PEM_BYTES} or fewer`);
  const text = reading(name, () => fromUtf8(pem));
  const blocks = text.match(BLOCK) ?? [];
  if (blocks.length === 0 || text.replaceAll(BLOCK, "").trim() !== "") {
    throw malformed(name, `${text.length} characters of other text`, "PEM certificates and nothing else");
  }
  const ders = blocks.map((block) => reading(name, () => pemToDer(block)));
  for (const der of ders) readCertificate(name, der);
  return ders;
}

/** The DER bytes of a CRL that is DER, or DER in hexadecimal as Intel's caching service has the root CA's. */
export function crlBytes(name: string, body: Uint8Array): Uint8Array {
  if (body[0] !== HEX_START) return body;
  return reading(name, () => fromHex(fromUtf8(body).trim()));
}

/** The error for something that a vendor said and that is not of its form. */
export function malformed(name: string, got: string, wanted: string, options?: ErrorOptions): EndorsementError {
  return new EndorsementError("malformed", `Read ${name} failed: got ${got}, wanted ${wanted}`, options);
}
