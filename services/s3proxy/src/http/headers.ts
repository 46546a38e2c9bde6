import type { IncomingHttpHeaders } from "node:http";
import { isChecksumHeader } from "../body/checksums.ts";
import { S3Error, s3Errors } from "./s3-error.ts";

/** Metadata that holds our header; hidden from clients. */
export const HEADER_METADATA = "x-amz-meta-constellation-s3proxy";

const METADATA = "x-amz-meta-";
// 2 KiB less what our own header takes, as S3 counts it: bytes of names (without the prefix) and values.
const MAX_USER_METADATA_BYTES = 2_048 - 256;

/** Request headers that go to the store with an object. */
const OBJECT_HEADERS = new Set([
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
]);

/** `x-amz-` headers that speak about the way from client to proxy, or about the plaintext. */
const OWN_AMZ_HEADERS = new Set([
  "x-amz-content-sha256",
  "x-amz-date",
  "x-amz-decoded-content-length",
  "x-amz-mp-object-size",
  "x-amz-sdk-checksum-algorithm",
  "x-amz-security-token",
  "x-amz-trailer",
]);

/** What would give the store keys or plaintext, or make it change objects. */
const REFUSED_HEADERS = [
  "x-amz-copy-source-server-side-encryption-customer",
  "x-amz-server-side-encryption-customer",
  "x-amz-write-offset-bytes",
];

/** Response headers of the store that clients may see, beside `x-amz-` ones. */
const RESPONSE_HEADERS = new Set([...OBJECT_HEADERS, "last-modified", "location"]);

/** `x-amz-` headers of the store that are about what is stored, not about the plaintext, or about the store itself. */
const HIDDEN_AMZ_HEADERS = new Set(["x-amz-id-2", "x-amz-mp-parts-count", "x-amz-request-id", HEADER_METADATA]);

/** Headers as they are sent. */
export type Headers = Record<string, string>;

/** @throws S3Error for headers that no request may have */
export function validateHeaders(headers: IncomingHttpHeaders): void {
  for (const name of Object.keys(headers)) {
    if (REFUSED_HEADERS.some((prefix) => name.startsWith(prefix))) throw s3Errors.notImplemented(`Header ${name}`);
    if (name === HEADER_METADATA) throw s3Errors.invalidArgument(`The metadata ${HEADER_METADATA} is the proxy's own`);
  }
}

/** The request headers that go to the store with a request that writes an object. */
export function objectHeaders(headers: IncomingHttpHeaders): Headers {
  const passed = passedHeaders(headers, (name) => OBJECT_HEADERS.has(name) || isPassedAmz(name));
  const encoding = passed["content-encoding"]?.split(",").map((token) => token.trim());
  const kept = encoding?.filter((token) => token.toLowerCase() !== "aws-chunked").join(",");
  if (kept === "") delete passed["content-encoding"];
  else if (kept !== undefined) passed["content-encoding"] = kept;
  validateMetadataSize(passed);
  return passed;
}

/** The request headers that go to the store with any other request. */
export function plainHeaders(headers: IncomingHttpHeaders): Headers {
  return passedHeaders(headers, (name) => name === "content-type" || isPassedAmz(name));
}

/** The conditions of a request, with ETags as the store knows them. */
export function conditionHeaders(headers: IncomingHttpHeaders, toStore: (etag: string) => string): Headers {
  const passed = passedHeaders(headers, (name) => name.startsWith("if-") && name !== "if-range");
  for (const name of ["if-match", "if-none-match"]) {
    const value = passed[name];
    if (value !== undefined)
      passed[name] = value
        .split(",")
        .map((etag) => toStore(etag.trim()))
        .join(", ");
  }
  return passed;
}

/** The headers of a store's answer that a client may see. Checksums are of what is stored: they are left out. */
export function responseHeaders(headers: IncomingHttpHeaders): Headers {
  return passedHeaders(headers, (name) =>
    name.startsWith("x-amz-")
      ? !HIDDEN_AMZ_HEADERS.has(name) && !name.startsWith("x-amz-checksum-")
      : RESPONSE_HEADERS.has(name),
  );
}

function isPassedAmz(name: string): boolean {
  return (
    name.startsWith("x-amz-") &&
    !OWN_AMZ_HEADERS.has(name) &&
    !isChecksumHeader(name) &&
    !name.startsWith("x-amz-checksum-") &&
    !name.startsWith("x-amz-copy-source")
  );
}

function passedHeaders(headers: IncomingHttpHeaders, passes: (name: string) => boolean): Headers {
  const passed: Headers = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && passes(name)) passed[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return passed;
}

function validateMetadataSize(headers: Headers): void {
  const bytes = Object.entries(headers)
    .filter(([name]) => name.startsWith(METADATA))
    .reduce((sum, [name, value]) => sum + name.length - METADATA.length + Buffer.byteLength(value), 0);
  if (bytes <= MAX_USER_METADATA_BYTES) return;
  const message = `Your metadata headers have ${bytes} bytes, at most ${MAX_USER_METADATA_BYTES} are allowed here`;
  throw new S3Error(400, "MetadataTooLarge", message);
}
