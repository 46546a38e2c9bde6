import { createHash, createHmac, createSecretKey, type KeyObject } from "node:crypto";
import type { SecretAccessKey } from "./credentials.ts";

// AWS Signature Version 4 for S3: "Authenticating Requests (AWS Signature Version 4)" in the Amazon S3 API Reference.

export const ALGORITHM = "AWS4-HMAC-SHA256";
export const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";
export const EMPTY_SHA256 = createHash("sha256").digest("hex");

/** `<date>/<region>/s3/aws4_request`. */
export interface Scope {
  /** `YYYYMMDD`. */
  readonly date: string;
  readonly region: string;
}

/** What is signed of a request. */
export interface SignedRequest {
  readonly method: string;
  /** Path, decoded. */
  readonly path: string;
  /** Query, decoded, without the signature. */
  readonly query: readonly (readonly [string, string])[];
  /** Signed headers, names in lower case, sorted. */
  readonly headers: readonly (readonly [string, string])[];
  readonly payloadHash: string;
}

/** Gives the text form of a scope. */
export function scopeText({ date, region }: Scope): string {
  return `${date}/${region}/s3/aws4_request`;
}

/** The last key of each secret: it is the same for a day, and four HMACs for each request would be most of their time. */
const lastKeys = new WeakMap<SecretAccessKey, { readonly scope: string; readonly key: KeyObject }>();

/** Derives the key for one day, region and service. */
export function signingKey(secret: SecretAccessKey, { date, region }: Scope): KeyObject {
  const scope = scopeText({ date, region });
  const last = lastKeys.get(secret);
  if (last?.scope === scope) return last.key;
  const prefixed = Buffer.concat([Buffer.from("AWS4"), secret.reveal()]);
  const key = createSecretKey([date, region, "s3", "aws4_request"].reduce<Buffer>(hmac, prefixed));
  lastKeys.set(secret, { scope, key });
  return key;
}

/** The signature of a request, in hexadecimal. */
export function signature(key: KeyObject, request: SignedRequest, timestamp: string, scope: Scope): string {
  const text = [ALGORITHM, timestamp, scopeText(scope), sha256(canonicalRequest(request))].join("\n");
  return hmac(key, text).toString("hex");
}

/** The signature of one chunk of a signed streaming body, which depends on that before it. */
export function chunkSignature(
  key: KeyObject,
  timestamp: string,
  scope: Scope,
  previous: string,
  dataSha256: string,
): string {
  const text = [`${ALGORITHM}-PAYLOAD`, timestamp, scopeText(scope), previous, EMPTY_SHA256, dataSha256].join("\n");
  return hmac(key, text).toString("hex");
}

/** The signature of the trailers of a signed streaming body. */
export function trailerSignature(
  key: KeyObject,
  timestamp: string,
  scope: Scope,
  previous: string,
  trailers: string,
): string {
  const text = [`${ALGORITHM}-TRAILER`, timestamp, scopeText(scope), previous, sha256(trailers)].join("\n");
  return hmac(key, text).toString("hex");
}

/** Percent-encodes as SigV4 wants: all but unreserved characters, by UTF-8 bytes. */
export function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Percent-encodes a path; slashes stay. */
export function pathEncode(path: string): string {
  return path.split("/").map(uriEncode).join("/");
}

/** `YYYYMMDDTHHMMSSZ`. */
export function timestampOf(date: Date): string {
  return date.toISOString().replace(/[-:]|\.\d{3}/g, "");
}

function canonicalRequest({ method, path, query, headers, payloadHash }: SignedRequest): string {
  const pairs = query.map(([name, value]) => `${uriEncode(name)}=${uriEncode(value)}`).sort();
  // Node.js gives header values byte by byte; what is signed are these bytes, read as UTF-8.
  const bytes = (value: string): string => Buffer.from(value, "latin1").toString("utf8");
  const lines = headers.map(([name, value]) => `${name}:${bytes(value).trim().replace(/ +/g, " ")}\n`);
  const names = headers.map(([name]) => name).join(";");
  return [method, pathEncode(path), pairs.join("&"), lines.join(""), names, payloadHash].join("\n");
}

function hmac(key: Buffer | KeyObject, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
